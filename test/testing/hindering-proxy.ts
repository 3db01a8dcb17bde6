import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

/** What AWS says in place of an answer; `lost`: the call is made, and its answer never arrives. */
export type Refusal = 'Throttling' | 'AccessDenied' | 'NotFound' | 'Conflict' | 'lost';

export type HinderingProxy = {
  readonly url: string;
  /** From the next call on: the one at `index` (from 0) is refused, and with `forGood` every later one of its name. Counts anew. */
  hinder(index: number, refusal: Refusal, forGood: boolean): void;
  passOn(): void;
  /** Calls of these names are refused as if the caller had no right to them; an empty list ends that. */
  deny(names: readonly string[]): void;
  /** Name of the call that was refused first; null when there was none. */
  readonly met: () => string | null;
  readonly calls: () => number;
  close(): Promise<void>;
};

/** Stands before moto's server and refuses a call in the words that AWS uses. */
export async function hinderingProxy(target: string): Promise<HinderingProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  let order: { readonly index: number; readonly refusal: Refusal; readonly forGood: boolean } | null = null;
  let denied: readonly string[] = [];
  let count = 0;
  let met: string | null = null;

  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing).catch(() => outgoing.destroy()));
  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const form = new URLSearchParams(body.toString());
    const call = form.get('Action') ?? '';
    const isIt = order !== null && count === order.index;
    count += 1;
    const isRefused = isIt || (order?.forGood === true && met === call);
    if (isIt) met = call;
    if (denied.includes(call)) return refuse(outgoing, 'AccessDenied', form.get('Version') === '2016-11-15', call);
    if (!isRefused && call === 'DescribeInstanceRefreshes')
      return void outgoing.writeHead(200, { 'content-type': 'text/xml' }).end(noRefreshes);
    if (order === null || !isRefused) return forward(incoming, body, outgoing);
    if (order.refusal !== 'lost') return refuse(outgoing, order.refusal, form.get('Version') === '2016-11-15', call);
    await forward(incoming, body, null);
    outgoing.destroy();
  }
  function forward(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse | null): Promise<void> {
    return new Promise((resolve, reject) => {
      const { method = 'POST', url = '/', headers } = incoming;
      const onward = request({ hostname, port, method, path: url, headers, agent }, (answered) => {
        if (outgoing !== null) answered.pipe(outgoing.writeHead(answered.statusCode ?? 502, answered.headers));
        else answered.resume();
        answered.on('end', resolve).on('error', reject);
      });
      onward.on('error', reject).end(body);
    });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
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
    async close() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Moto has no instance refreshes and fails when it is asked: what AWS answers when there are none (a recorded answer, not moto's). */
const noRefreshes =
  '<DescribeInstanceRefreshesResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><DescribeInstanceRefreshesResult><InstanceRefreshes/></DescribeInstanceRefreshesResult></DescribeInstanceRefreshesResponse>';

/** Names as the services use them; EC2 has another envelope than the others. */
const refusals = {
  Throttling: { status: 400, code: 'Throttling', message: 'Rate exceeded' },
  AccessDenied: { status: 403, code: 'AccessDenied', message: 'User is not authorized to perform this action' },
  NotFound: { status: 400, code: 'TargetGroupNotFound', message: 'One or more of what you named was not found' },
  Conflict: { status: 400, code: 'ResourceInUse', message: 'What you named is in use' },
} as const;

function refuse(outgoing: ServerResponse, refusal: Exclude<Refusal, 'lost'>, isEc2: boolean, call: string): void {
  const { status, code, message } = refusals[refusal];
  const error = `<Code>${code}</Code><Message>${message} (${call})</Message>`;
  const text = isEc2
    ? `<Response><Errors><Error>${error}</Error></Errors><RequestID>0</RequestID></Response>`
    : `<ErrorResponse><Error><Type>Sender</Type>${error}</Error><RequestId>0</RequestId></ErrorResponse>`;
  outgoing.writeHead(status, { 'content-type': 'text/xml' }).end(text);
}
