import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type LoadJob, type LoadResult, load } from './load.ts';
import { peers } from './peers.ts';
import { openUpstream } from './upstream.ts';

/** What a process of the benchmark is asked to be; everything but the questions runs in one of its own. */
type Order =
  | { readonly be: 'upstream'; readonly count: number }
  | { readonly be: 'peer'; readonly name: keyof typeof peers; readonly target: string }
  | { readonly be: 'load'; readonly job: LoadJob };

export type Servant = { readonly pid: number; stop(): Promise<void> };

const main = fileURLToPath(new URL('./main.js', import.meta.url));

export async function startUpstream(count: number): Promise<Servant & { readonly ports: readonly number[] }> {
  const servant = hire();
  return { ...servant, ports: (await servant.ask({ be: 'upstream', count })) as number[] };
}
export async function startPeer(name: keyof typeof peers, target: string): Promise<Servant & { readonly port: number }> {
  const servant = hire();
  return { ...servant, port: (await servant.ask({ be: 'peer', name, target })) as number };
}
/** A process that sends load; one job at a time. */
export function hireLoad(): Servant & { run(job: LoadJob): Promise<LoadResult> } {
  const servant = hire();
  return { ...servant, run: async (job) => (await servant.ask({ be: 'load', job })) as LoadResult };
}

/** In the child: does what it is asked and answers. Ends with its parent. */
export function serveParent(): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', (order: Order) => {
    obey(order).then(
      (answer) => process.send?.({ answer }),
      (error: unknown) => process.send?.({ error: String(error) }),
    );
  });
}

function obey(order: Order): Promise<unknown> {
  if (order.be === 'upstream') return openUpstream(order.count);
  return order.be === 'peer' ? peers[order.name](order.target) : load(order.job);
}

function hire(): Servant & { ask(order: Order): Promise<unknown> } {
  const child = fork(main, ['servant'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let settle: { resolve: (answer: unknown) => void; reject: (error: Error) => void } | null = null;
  child.on('message', ({ answer, error }: { readonly answer?: unknown; readonly error?: string }) => {
    if (error === undefined) settle?.resolve(answer);
    else settle?.reject(new Error(`a process of the benchmark failed: ${error}`));
  });
  child.on('exit', (code, signal) => settle?.reject(new Error(`a process of the benchmark ended with ${String(code ?? signal)}`)));
  return {
    pid: child.pid ?? 0,
    ask: (order) =>
      new Promise((resolve, reject) => {
        settle = { resolve, reject };
        child.send(order);
      }),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
