import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Servant } from './servants.ts';

/** A proxy of another language, run by one thread as ours is. */
type Program = {
  readonly args: (dir: string) => readonly string[];
  readonly config: (port: number, target: number, dir: string) => string;
};

export const programs = {
  haproxy: {
    args: (dir) => ['-q', '-db', '-f', join(dir, 'config')],
    config: (port, target) => `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 2s
  timeout client 60s
  timeout server 60s
listen bench
  bind 127.0.0.1:${port}
  server upstream 127.0.0.1:${target}
`,
  },
  nginx: {
    args: (dir) => ['-p', dir, '-c', join(dir, 'config')],
    config: (port, target, dir) => `daemon off;
master_process off;
pid ${dir}/pid;
error_log ${dir}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  keepalive_requests 100000000;
  upstream service { server 127.0.0.1:${target}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
  },
} as const satisfies Record<string, Program>;

export function isInstalled(name: keyof typeof programs): boolean {
  return spawnSync(name, ['-v'], { stdio: 'ignore' }).error === undefined;
}

/** Starts it on a free port, with its configuration in a folder that goes with it. */
export async function startProgram(name: keyof typeof programs, target: number): Promise<Servant & { readonly port: number }> {
  const dir = mkdtempSync(join(tmpdir(), `haldane-bench-${name}-`));
  const port = await freePort();
  writeFileSync(join(dir, 'config'), programs[name].config(port, target, dir));
  const child = spawn(name, programs[name].args(dir), { stdio: ['ignore', 'ignore', 'inherit'], cwd: dir });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(dir, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 100; tries += 1) {
    if (child.exitCode !== null) break;
    if (await answers(port)) return { pid: child.pid ?? 0, port, stop };
    await wait(50);
  }
  await stop();
  throw new Error(`${name} did not open its port: see what it said above`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
