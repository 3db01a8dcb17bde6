import { Agent, createServer, type IncomingMessage, request } from 'node:http';

/** A call as CloudTrail writes it down, of the fields that rules here look at. */
export type TrailRecord = {
  readonly eventName: string;
  readonly eventSource: string;
  readonly eventTime: string;
  readonly awsRegion: string;
  readonly sourceIPAddress: string;
  readonly userIdentity: { readonly type: string; readonly arn: string; readonly accessKeyId: string };
  readonly requestParameters: Readonly<Record<string, unknown>>;
  readonly responseElements: Readonly<Record<string, unknown>>;
};

/**
 * Stands before moto's server and writes the calls of EC2 that change something down as CloudTrail would (moto has no trail to look into): from the
 * request and answer that really went through.
 */
export async function cloudtrailTap(
  target: string,
  tell: (record: TrailRecord) => void,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = await bodyOf(incoming);
      const { method = 'POST', url = '/', headers } = incoming;
      const onward = request({ hostname, port, method, path: url, headers, agent });
      const answered = await new Promise<IncomingMessage>((resolve, reject) =>
        onward.on('response', resolve).on('error', reject).end(body),
      );
      const answer = await bodyOf(answered);
      const record = answered.statusCode === 200 ? recordOf(incoming, new URLSearchParams(body.toString()), answer.toString()) : null;
      if (record !== null) tell(record);
      outgoing.writeHead(answered.statusCode ?? 502, answered.headers).end(answer);
    })().catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    async close() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function recordOf(incoming: IncomingMessage, form: URLSearchParams, answer: string): TrailRecord | null {
  const eventName = form.get('Action') ?? '';
  const [, accessKeyId = '', awsRegion = '', service = ''] =
    /Credential=([^/]+)\/[^/]+\/([^/]+)\/([^/]+)\//.exec(incoming.headers.authorization ?? '') ?? [];
  if (service !== 'ec2' || eventName === '' || eventName.startsWith('Describe')) return null;
  const groupId = form.get('GroupId');
  const made = /<groupId>([^<]+)<\/groupId>/.exec(answer)?.[1];
  return {
    eventName,
    eventSource: 'ec2.amazonaws.com',
    eventTime: new Date().toISOString(),
    awsRegion,
    sourceIPAddress: incoming.socket.remoteAddress ?? '',
    userIdentity: { type: 'IAMUser', arn: `arn:aws:iam::123456789012:user/${accessKeyId}`, accessKeyId },
    requestParameters: {
      ...(groupId === null ? {} : { groupId }),
      ...(form.has('GroupName') ? { groupName: form.get('GroupName') } : {}),
      ipPermissions: { items: permissionsOf(form) },
    },
    responseElements: made === undefined ? {} : { groupId: made },
  };
}

function permissionsOf(form: URLSearchParams): readonly Readonly<Record<string, unknown>>[] {
  const items: Readonly<Record<string, unknown>>[] = [];
  for (let n = 1; form.has(`IpPermissions.${n}.IpProtocol`); n += 1) {
    const at = `IpPermissions.${n}`;
    const cidrIp = form.get(`${at}.IpRanges.1.CidrIp`);
    items.push({ fromPort: form.get(`${at}.FromPort`), toPort: form.get(`${at}.ToPort`), ipRanges: { items: [{ cidrIp }] } });
  }
  return items;
}
