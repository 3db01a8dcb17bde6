import { parentPort, Worker } from 'node:worker_threads';
import { type Job, runJob, type Stops } from './jobs.ts';

/** Threads that take jobs one at a time. */
export type Crew = { run(jobs: readonly Job[]): Promise<Stops>; dismiss(): Promise<void> };

type Task = { readonly job: Job; readonly done: (stops: Stops) => void; readonly failed: (error: unknown) => void };

/** Begins `size` threads of the module at `url`, which must call `workAsCrew` when it is not the main thread. */
export function hireCrew(url: URL, size: number): Crew {
  const waiting: Task[] = [];
  const busy = new Map<Worker, Task>();
  const threads: Worker[] = [];
  const assign = (): void => {
    for (const thread of threads) {
      if (busy.has(thread)) continue;
      const task = waiting.shift();
      if (task === undefined) return;
      busy.set(thread, task);
      thread.postMessage(task.job);
    }
  };
  const finish = (thread: Worker, end: (task: Task) => void): void => {
    const task = busy.get(thread);
    busy.delete(thread);
    if (task !== undefined) end(task);
    assign();
  };
  for (let i = 0; i < size; i++) {
    const thread = new Worker(url);
    thread.on('message', (stops: Stops) => finish(thread, (task) => task.done(stops)));
    thread.on('error', (error) => {
      // A thread that failed is gone, and so is the benchmark: nobody waits for what it would have done.
      for (const task of [...busy.values(), ...waiting.splice(0)]) task.failed(error);
    });
    threads.push(thread);
  }
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
