/** A line, or steps, through points; `label` stands at its end. */
export type Line = {
  readonly points: readonly (readonly [number, number])[];
  readonly colour: string;
  readonly label?: string;
  readonly width?: number;
  readonly dashed?: boolean;
};

export type Axis = {
  readonly title: string;
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly text: (value: number) => string;
};

export type Chart = { readonly title: string; readonly x: Axis; readonly y: Axis; readonly lines: readonly Line[] };

export const colours = { harm: '#c0392b', sound: '#2c6fbb', limit: '#555555', other: '#d68910', pale: '#9dbde0' };

const size = { width: 800, height: 400, left: 70, right: 220, top: 46, bottom: 56 };

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function textAt(x: number, y: number, text: string, more = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escapeText(text)}</text>`;
}

/** Where a value lies on an axis, in pixels; values outside are drawn at its end. */
function place({ from, to }: Axis, value: number, start: number, end: number): number {
  const share = (Math.min(to, Math.max(from, value)) - from) / (to - from);
  return start + share * (end - start);
}

/** A line chart as a standalone SVG file, readable on a light and on a dark page. */
export function chartSvg({ title, x, y, lines }: Chart): string {
  const [left, right] = [size.left, size.width - size.right];
  const [top, bottom] = [size.top, size.height - size.bottom];
  const across = (value: number): number => place(x, value, left, right);
  const up = (value: number): number => place(y, value, bottom, top);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${escapeText(title)}" font-family="sans-serif" font-size="13">`,
    `<rect width="${size.width}" height="${size.height}" fill="#ffffff"/>`,
    textAt(16, 24, title, 'font-size="15" font-weight="600"'),
  ];
  for (const tick of y.ticks) {
    parts.push(`<line x1="${left}" x2="${right}" y1="${up(tick).toFixed(1)}" y2="${up(tick).toFixed(1)}" stroke="#e4e4e4"/>`);
    parts.push(textAt(left - 8, up(tick) + 4, y.text(tick), 'text-anchor="end"'));
  }
  for (const tick of x.ticks) parts.push(textAt(across(tick), bottom + 20, x.text(tick), 'text-anchor="middle"'));
  parts.push(textAt((left + right) / 2, size.height - 14, x.title, 'text-anchor="middle"'));
  parts.push(textAt(16, (top + bottom) / 2, y.title, `text-anchor="middle" transform="rotate(-90 16 ${(top + bottom) / 2})"`));
  for (const { points, colour, width = 2, dashed = false } of lines) {
    const path = points.map(([px, py]) => `${across(px).toFixed(1)},${up(py).toFixed(1)}`).join(' ');
    parts.push(
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="${width}"${dashed ? ' stroke-dasharray="6 4"' : ''}/>`,
    );
  }
  for (const [label, colour, height] of labels(lines, up)) parts.push(textAt(right + 8, height, label, `fill="${colour}"`));
  return `${parts.join('\n')}\n</svg>\n`;
}

/** Labels at the right ends of their lines, moved apart so that none covers another. */
function labels(lines: readonly Line[], up: (value: number) => number): (readonly [string, string, number])[] {
  const wanted = lines
    .filter((line) => line.label !== undefined)
    .map((line) => ({ label: line.label ?? '', colour: line.colour, at: up(line.points.at(-1)?.[1] ?? 0) + 4 }))
    .sort((a, b) => a.at - b.at);
  let last = Number.NEGATIVE_INFINITY;
  return wanted.map(({ label, colour, at }) => {
    last = Math.max(at, last + 16);
    return [label, colour, last];
  });
}
