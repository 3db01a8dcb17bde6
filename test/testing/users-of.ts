import { setTimeout as sleep } from 'node:timers/promises';

export type Crowd = {
  /** Answers of the service itself that were failures: the balancer's own are 502. */
  failed(): number;
  /** Requests that no instance answered. */
  lost(): number;
  /** Resolves when so many more have been answered. */
  more(answers: number): Promise<void>;
  stop(): Promise<void>;
};

export const users = 60;

/** Sixty users who together ask twenty times a second, each under a key of his own, until `stop`. */
export function usersOf(url: string, token: string): Crowd {
  let stopped = false;
  let sent = 0;
  let failed = 0;
  let lost = 0;
  const user = async (turn: number) => {
    const headers = { authorization: `Bearer ${token}`, cookie: `haldane_key=${`${turn}`.padStart(32, 'c')}` };
    await sleep(turn * 50);
    while (!stopped) {
      const status = await fetch(new URL('/me', url), { headers }).then(
        (answer) => answer.text().then(() => answer.status),
        () => 0,
      );
      sent += 1;
      if (status === 503) failed += 1;
      if (status === 0 || status === 502) lost += 1;
      await sleep(3_000);
    }
  };
  const all = Array.from({ length: users }, (_, turn) => user(turn));
  return {
    failed: () => failed,
    lost: () => lost,
    async more(answers) {
      for (const wanted = sent + answers; sent < wanted; ) await sleep(100);
    },
    async stop() {
      stopped = true;
      await Promise.all(all);
    },
  };
}
