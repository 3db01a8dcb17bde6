/** Told what becomes of a request. Each request ends with exactly one of `finished`, `broken` or `malformed`. */
export interface Observer {
  /** It goes to the instance at this place of its cluster; told again when another one is tried. */
  sentTo?(instance: number): void;
  /** The status line of the answer is known. */
  answered(status: number, location: string | undefined): void;
  /** An upgrade was agreed to: what follows has no latency. */
  opened(): void;
  /** The last byte was handed to the client. */
  finished(): void;
  /** No whole answer reached the client. */
  broken(): void;
  /** The client's request could not be sent on as it was; nobody else's failure. */
  malformed(): void;
}
