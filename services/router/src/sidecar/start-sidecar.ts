import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HaldaneError } from '@haldane/core';
import type { SidecarOrder } from '@haldane/dataplane';
import { createRouter, type Router } from '../router.ts';

/**
 * Starts a router beside one instance. Its proxies carry calls as they are for as long as it lives; only a lease that Haldane renews lets
 * one make a fault felt. Once all of them listen, `arm.env` is written into the folder, whole or not at all: lines of NAME='value', as a shell
 * and systemd's EnvironmentFile read them. Started again after its end it
 * listens where it did before, for the instance knows no other address.
 */
export async function startSidecar(order: SidecarOrder, options: { readonly adminHost: string; readonly folder: string }): Promise<Router> {
  const router = await createRouter({ token: order.token, adminPort: order.adminPort, adminHost: options.adminHost });
  try {
    await serve(router, order, options.folder);
    return router;
  } catch (error) {
    await router.stop();
    throw error;
  }
}

async function serve(router: Router, order: SidecarOrder, folder: string): Promise<void> {
  const portsFile = join(folder, 'ports.json');
  const before = portsOf(portsFile);
  const ports: Record<string, number> = {};
  const variables: Record<string, string> = { ...order.variables };
  for (const { variable, scheme, rest, ...proxy } of order.proxies) {
    const { port } = await router.putProxy({ ...proxy, stays: true, port: before[proxy.proxy] ?? 0, until: 0 });
    ports[proxy.proxy] = port;
    variables[variable] = `${scheme}://127.0.0.1:${port}${rest}`;
  }
  writeWhole(portsFile, JSON.stringify(ports));
  writeWhole(
    join(folder, 'arm.env'),
    Object.entries(variables)
      .map(([name, value]) => `${name}='${quotable(name, value)}'\n`)
      .join(''),
  );
}

function quotable(name: string, value: string): string {
  if (/['\\\r\n]/.test(value))
    throw new HaldaneError('bad-document', `the variable ${name} holds a quote, a backslash or a line break, which its file cannot hold`);
  return value;
}

function portsOf(file: string): Readonly<Record<string, number>> {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>) : {};
}

function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
