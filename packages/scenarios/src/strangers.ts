/** Networks for documentation (RFC 5737): nobody's, so whoever lets them in lets in nobody. */
export const nobodysNetwork = '198.51.100.0/24';
/** What a harmless rule lets in: one address of another such network. */
export const placeboNetwork = '192.0.2.1/32';

type Strangers = 'documentation' | 'world';

/** The network that a param names. */
export function networkOf(strangers: unknown): string {
  return (strangers as Strangers | undefined) === 'world' ? '0.0.0.0/0' : nobodysNetwork;
}

/** The param: nobody's network, or really everybody. */
export function strangersParam(description: string) {
  return { type: 'string', asWritten: true, enum: ['documentation', 'world'], default: 'documentation', description };
}
