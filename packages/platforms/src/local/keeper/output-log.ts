import { appendFileSync, renameSync, statSync } from 'node:fs';

/** Keeps a service's output: appended to one file, with the file before it kept once; never more than twice `limit` bytes. */
export class OutputLog {
  readonly #path: string;
  readonly #olderPath: string;
  readonly #limit: number;
  #size: number;

  constructor(path: string, olderPath: string, limit: number) {
    this.#path = path;
    this.#olderPath = olderPath;
    this.#limit = limit;
    this.#size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Output that cannot be kept (a full disk) is dropped: the service is worth more than its words. */
  append(chunk: Buffer | string): void {
    try {
      if (this.#size >= this.#limit) {
        renameSync(this.#path, this.#olderPath);
        this.#size = 0;
      }
      appendFileSync(this.#path, chunk, { mode: 0o600 });
      this.#size += chunk.length;
    } catch {
      this.#size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    }
  }
}
