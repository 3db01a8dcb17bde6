import type { Answer, ApiCall, Before, MotoServer } from '@haldane/platforms/aws-testing';

/** What AWS says in place of an answer; `lost`: the call is made, and its answer never arrives. */
export type Refusal = 'Throttling' | 'AccessDenied' | 'NotFound' | 'Conflict' | 'lost';

export type HinderingProxy = Before & {
  /** From the next call on: the one at `index` (from 0) is refused, and with `forGood` every later one of its name. Counts anew. */
  hinder(index: number, refusal: Refusal, forGood: boolean): void;
  passOn(): void;
  /** Calls of these names are refused as if the caller had no right to them; an empty list ends that. */
  deny(names: readonly string[]): void;
  /** Name of the call that was refused first; null when there was none. */
  readonly met: () => string | null;
  readonly calls: () => number;
};

/** Stands before moto's server and refuses a call in the words that AWS uses. */
export async function hinderingProxy(moto: MotoServer): Promise<HinderingProxy> {
  let order: { readonly index: number; readonly refusal: Refusal; readonly forGood: boolean } | null = null;
  let denied: readonly string[] = [];
  let count = 0;
  let met: string | null = null;
  const before = await moto.withBefore(async (call, pass) => {
    const isIt = order !== null && count === order.index;
    count += 1;
    const isRefused = isIt || (order?.forGood === true && met === call.name);
    if (isIt) met = call.name;
    if (denied.includes(call.name)) return refuse('AccessDenied', call);
    if (order === null || !isRefused) return pass();
    if (order.refusal !== 'lost') return refuse(order.refusal, call);
    await pass();
    return null;
  });
  return {
    ...before,
    hinder(index, refusal, forGood) {
      order = { index, refusal, forGood };
      count = 0;
      met = null;
    },
    passOn() {
      order = null;
    },
    deny(names) {
      denied = names;
    },
    met: () => met,
    calls: () => count,
  };
}

/** Names as the services use them. */
const codes: Readonly<Record<string, Partial<Record<Refusal, string>>>> = {
  s3: { Throttling: 'SlowDown', NotFound: 'NoSuchBucket', Conflict: 'BucketNotEmpty' },
  iam: { NotFound: 'NoSuchEntity', Conflict: 'DeleteConflict' },
  cloudtrail: {
    Throttling: 'ThrottlingException',
    AccessDenied: 'AccessDeniedException',
    NotFound: 'TrailNotFoundException',
    Conflict: 'TrailAlreadyExistsException',
  },
};
const refusals = {
  Throttling: { status: 400, code: 'Throttling', message: 'Rate exceeded' },
  AccessDenied: { status: 403, code: 'AccessDenied', message: 'User is not authorized to perform this action' },
  NotFound: { status: 400, code: 'TargetGroupNotFound', message: 'One or more of what you named was not found' },
  Conflict: { status: 400, code: 'ResourceInUse', message: 'What you named is in use' },
} as const;

const envelopes: Readonly<Record<string, (error: string) => string>> = {
  ec2: (error) => `<Response><Errors><Error>${error}</Error></Errors><RequestID>0</RequestID></Response>`,
  s3: (error) => `<Error>${error}</Error>`,
};

/** Each protocol has an envelope of its own. */
function refuse(refusal: Exclude<Refusal, 'lost'>, { service, name }: ApiCall): Answer {
  const { status, message, ...common } = refusals[refusal];
  const code = codes[service]?.[refusal] ?? common.code;
  if (service === 'cloudtrail')
    return answer(status, 'application/x-amz-json-1.1', JSON.stringify({ __type: code, message: `${message} (${name})` }));
  const error = `<Code>${code}</Code><Message>${message} (${name})</Message>`;
  const envelope =
    envelopes[service] ?? ((one) => `<ErrorResponse><Error><Type>Sender</Type>${one}</Error><RequestId>0</RequestId></ErrorResponse>`);
  return answer(status, 'text/xml', envelope(error));
}

function answer(status: number, type: string, body: string): Answer {
  return { status, headers: { 'content-type': type }, body: Buffer.from(body) };
}
