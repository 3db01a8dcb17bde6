import { parentPort, Worker } from 'node:worker_threads';
import { type Job, runJob, type Stops } from './jobs.ts';

/** Threads that take jobs one at a time. */
export type Crew = { run(jobs: readonly Job[]): Promise<Stops>; dismiss(): Promise<void> };

/** Begins `size` threads of the module at `url`, which must call `workAsCrew` when it is not the main thread. */
export function hireCrew(url: URL, size: number): Crew {
  const threads = Array.from({ length: size }, () => new Worker(url, { argv: [] }));
  const idle = [...threads];
  const waiting: { readonly job: Job; readonly done: (stops: Stops) => void; readonly failed: (error: unknown) => void }[] = [];
  const assign = (): void => {
    const thread = idle.at(-1);
    const next = thread && waiting.shift();
    if (thread === undefined || next === undefined) return;
    idle.pop();
    const settle = (end: () => void): void => {
      thread.removeAllListeners();
      idle.push(thread);
      end();
      assign();
    };
    thread.once('message', (stops: Stops) => settle(() => next.done(stops)));
    thread.once('error', (error) => settle(() => next.failed(error)));
    thread.postMessage(next.job);
    assign();
  };
  return {
    run: async (jobs) => {
      const replies = await Promise.all(
        jobs.map(
          (job) =>
            new Promise<Stops>((done, failed) => {
              waiting.push({ job, done, failed });
              assign();
            }),
        ),
      );
      // In the order of the jobs, not of their ends: the same seed gives the same list.
      return replies.reduce((all, part) => mapStops(all, (name, list) => [...list, ...(part[name] ?? [])]));
    },
    dismiss: async () => {
      await Promise.all(threads.map((thread) => thread.terminate()));
    },
  };
}

function mapStops(stops: Stops, change: (name: string, list: (number | null)[]) => (number | null)[]): Stops {
  return Object.fromEntries(Object.entries(stops).map(([name, list]) => [name, change(name, list)]));
}

/** What a thread of the crew does: a job for each message. */
export function workAsCrew(): void {
  parentPort?.on('message', (job: Job) => parentPort?.postMessage(runJob(job)));
}
