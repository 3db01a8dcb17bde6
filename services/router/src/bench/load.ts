import { connect, type Socket } from 'node:net';
import { LatencyBins } from '../run/latency-bins.ts';

/** `rate` (requests a second) makes the load open: requests are due by the clock, not when an answer came. Null: as many as go. */
export type LoadJob = { readonly port: number; readonly connections: number; readonly ms: number; readonly rate: number | null };
/** Latencies are sparse log-bins of milliseconds (1 % accuracy). */
export type LoadResult = {
  readonly answered: number;
  readonly failed: number;
  readonly ms: number;
  readonly latency: readonly (readonly [number, number])[];
};

/** So many users, each with a sticky key of its own. */
const users = 1000;
const requests = Array.from({ length: users }, (_, user) =>
  Buffer.from(
    `GET /orders/${user}?page=2 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: haldane-bench\r\nAccept: application/json\r\n` +
      `Cookie: session=4711; haldane_key=${user.toString(16).padStart(32, '0')}\r\n\r\n`,
    'latin1',
  ),
);

/** An answer that does not come at all is seen as missing. */
const patienceMs = 10_000;

/**
 * Sends load over keep-alive connections, one request at a time on each, and checks that each answer is a whole 200. Waits for the last
 * answers: a user who leaves before the answer is a failure to a router with a budget.
 */
export async function load(job: LoadJob): Promise<LoadResult> {
  const latency = new LatencyBins();
  const counts = { answered: 0, failed: 0 };
  const idle: Line[] = [];
  const due: number[] = [];
  let user = 0;
  let busy = 0;
  let over: (() => void) | null = null;
  const send = (line: Line, from: number) => {
    user = (user + 1) % users;
    busy += 1;
    line.ask(requests[user] as Buffer, from);
  };
  const done = (line: Line, from: number, good: boolean) => {
    const now = performance.now();
    if (good) counts.answered += 1;
    else counts.failed += 1;
    latency.add(now - from);
    busy -= 1;
    if (over !== null) {
      if (busy === 0) over();
      return;
    }
    if (job.rate === null) return send(line, now);
    const next = due.shift();
    if (next === undefined) idle.push(line);
    else send(line, next);
  };
  const lines = await Promise.all(Array.from({ length: job.connections }, () => Line.open(job.port, done)));
  idle.push(...lines);
  const began = performance.now();
  if (job.rate === null) for (const line of idle.splice(0)) send(line, performance.now());
  const ticking = job.rate === null ? null : setInterval(tick, 1, job.rate);
  let released = 0;
  function tick(rate: number): void {
    const now = performance.now();
    for (; released < ((now - began) * rate) / 1000; released += 1) {
      const line = idle.shift();
      if (line) send(line, now);
      else due.push(now);
    }
  }
  await new Promise((resolve) => setTimeout(resolve, job.ms));
  if (ticking) clearInterval(ticking);
  await new Promise<void>((resolve) => {
    const patience = setTimeout(resolve, patienceMs);
    over = () => {
      clearTimeout(patience);
      resolve();
    };
    if (busy === 0) over();
  });
  counts.failed += busy;
  const ms = performance.now() - began;
  for (const line of lines) line.close();
  return { ...counts, ms, latency: latency.encode() };
}

/** One connection. A head must say its content-length: every contender passes on the service's. */
class Line {
  readonly #socket: Socket;
  readonly #done: (line: Line, from: number, good: boolean) => void;
  #from = 0;
  /** Bytes of the answer that are still to come; null while its head is. */
  #left: number | null = null;
  #head = '';
  #good = false;

  private constructor(socket: Socket, done: (line: Line, from: number, good: boolean) => void) {
    this.#socket = socket;
    this.#done = done;
    socket.on('data', (piece) => this.#read(piece));
  }
  static async open(port: number, done: (line: Line, from: number, good: boolean) => void): Promise<Line> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    // Contenders close what is left when they end; a connection that breaks before is seen as missing answers.
    socket.on('error', () => undefined);
    return new Line(socket, done);
  }
  ask(request: Buffer, from: number): void {
    this.#from = from;
    this.#left = null;
    this.#head = '';
    this.#socket.write(request);
  }
  close(): void {
    this.#socket.destroy();
  }
  #read(piece: Buffer): void {
    let bytes = piece.length;
    if (this.#left === null) {
      this.#head += piece.toString('latin1');
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const said = /\r\ncontent-length: *(\d+)/i.exec(this.#head);
      if (said === null) throw new Error(`an answer without content-length: ${this.#head.slice(0, end)}`);
      this.#good = this.#head.startsWith('HTTP/1.1 200');
      bytes = this.#head.length - end - 4;
      this.#left = Number(said[1]);
    }
    this.#left -= bytes;
    if (this.#left <= 0) this.#done(this, this.#from, this.#good);
  }
}
