import { HaldaneError } from '@haldane/core';
import type { SidecarOrder } from '@haldane/dataplane';

/** AWS: an instance's user data have at most so many bytes before they are encoded. */
const mostBytes = 16_384;
const orderEnds = 'END_OF_HALDANE_ORDER';

/**
 * What an instance does at its first start (base64): what production's does, and before that a sidecar is started and has written
 * `arm.env`. Until then, for ever if need be, nothing else begins: with its intake on, an arm would work as production does. cloud-init runs
 * scripts by their names, and a bracket comes before whatever it makes up itself. Throws `refused` for user data that nothing can stand before.
 */
export function withSidecar(production: string | null, order: SidecarOrder, start: string): string {
  const boundary = 'haldane-before-production';
  const text = [
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/x-shellscript; charset="utf-8"',
    'Content-Disposition: attachment; filename="(haldane)"',
    '',
    scriptOf(order, start),
    ...(production === null || production === '' ? [] : [`--${boundary}`, partOf(Buffer.from(production, 'base64'))]),
    `--${boundary}--`,
    '',
  ].join('\n');
  const size = Buffer.byteLength(text);
  if (size > mostBytes)
    throw new HaldaneError(
      'refused',
      `with a sidecar, the instances' user data would have ${size} bytes; AWS takes ${mostBytes}: let production's fetch what is long`,
    );
  return Buffer.from(text).toString('base64');
}

/** The order in user data that `withSidecar` made; null when there is none. */
export function orderIn(userData: string): SidecarOrder | null {
  const text = Buffer.from(userData, 'base64').toString('utf8');
  const found = new RegExp(`<<'${orderEnds}'\n(.*)\n${orderEnds}\n`).exec(text)?.[1];
  return found === undefined ? null : (JSON.parse(found) as SidecarOrder);
}

function scriptOf(order: SidecarOrder, start: string): string {
  return `#!/bin/sh
# Haldane's sidecar. A service that is to be pointed at it reads $HALDANE_DIR/arm.env last.
set -eu
: "\${HALDANE_DIR:=/etc/haldane}" "\${HALDANE_ADDRESS:=0.0.0.0}"
export HALDANE_DIR HALDANE_ADDRESS
umask 077
# Whatever fails here, what comes after must not begin without the file: it would take in what production does.
trap 'while :; do sleep 1; done' EXIT
mkdir -p "$HALDANE_DIR"
rm -f "$HALDANE_DIR/arm.env"
cat > "$HALDANE_DIR/order.json" <<'${orderEnds}'
${JSON.stringify(order)}
${orderEnds}
cat > "$HALDANE_DIR/start.sh" <<'${orderEnds}_START'
while :; do
  ${start} --order "$HALDANE_DIR/order.json" --host "$HALDANE_ADDRESS" || true
  sleep 1
done
${orderEnds}_START
(trap '' HUP; exec sh "$HALDANE_DIR/start.sh") > "$HALDANE_DIR/sidecar.log" 2>&1 < /dev/null &
until [ -e "$HALDANE_DIR/arm.env" ]; do sleep 0.2; done
trap - EXIT`;
}

const kinds: readonly (readonly [RegExp, string])[] = [
  [/^#!/, 'text/x-shellscript'],
  [/^#cloud-config(\s|$)/, 'text/cloud-config'],
  [/^#include(\s|$)/, 'text/x-include-url'],
];

/** Production's own as a part: what is in parts already stays as it is. */
function partOf(production: Buffer): string {
  const text = production.toString('utf8');
  if (/^(MIME-Version|Content-Type):/i.test(text)) return text;
  const kind = kinds.find(([pattern]) => pattern.test(text))?.[1];
  if (kind === undefined || text.includes('\uFFFD'))
    throw new HaldaneError(
      'refused',
      `production's user data is no script, cloud-config, list of URLs or MIME message (packed, or of Windows): nothing can be put before it`,
    );
  return `Content-Type: ${kind}; charset="utf-8"\n\n${text}`;
}
