/** Told of an instance's answer, by the names that undici calls inside: whoever uses them is called without a layer between. */
export interface AnswerReader {
  /** The request is being sent. `abort` ends it; the reader then hears `onError`. */
  onConnect(abort: (reason?: Error) => void): void;
  /** `resume` lets more of the body come after `onData` said no. False here means nothing to undici but for upgrades. */
  onHeaders(status: number, raw: readonly Buffer[], resume: () => void, words: string): boolean;
  /** False: no more until `resume` is called. */
  onData(piece: Buffer): boolean;
  onComplete(): void;
  /** Before `onConnect`: the instance was not reached. */
  onError(error: Error): void;
}
