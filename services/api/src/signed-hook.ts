import type { IncomingHttpHeaders } from 'node:http';

/** Takes what an outside system sent and signed, and says in words what it came to. Throws `unauthorised` for what it did not sign. */
export type SignedHook = (sent: {
  readonly headers: IncomingHttpHeaders;
  /** As it came, before anybody parsed it. */
  readonly body: string;
  /** The address it came from. */
  readonly from: string;
}) => Promise<{ readonly says: string }>;
