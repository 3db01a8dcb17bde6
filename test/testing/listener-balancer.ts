import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '@haldane/core';
import type { AwsCalls } from '@haldane/platforms';

type Rule = Awaited<ReturnType<AwsCalls['balancing']['rules']>>[number];

export type ListenerBalancer = {
  readonly url: string;
  /** Requests that went to each target group, by its name. */
  readonly counts: ReadonlyMap<string, number>;
  close(): Promise<void>;
};

const lookEveryMs = 200;
const never = new AbortController().signal;

/**
 * A balancer that does what a listener's description says and nothing else: the first rule whose conditions a request fulfils, and in its
 * forward action a target group by weight. Looks at the description five times a second. `targetsOf` says where a target group's process listens.
 */
export async function listenerBalancer(
  { balancing }: AwsCalls,
  listenerArn: string,
  targetsOf: (targetGroup: string) => Promise<{ readonly host?: string; readonly port: number }>,
): Promise<ListenerBalancer> {
  const agent = new Agent({ keepAlive: true });
  const counts = new Map<string, number>();
  const names = new Map<string, string>();
  let rules: readonly Rule[] = [];
  const look = async () => {
    rules = [...(await balancing.rules(listenerArn, never))].sort((a, b) => (a.priority ?? 1e9) - (b.priority ?? 1e9));
    const unknown = rules.flatMap((rule) => groupsOf(rule).map((one) => one.arn)).filter((arn) => !names.has(arn));
    for (const { arn, name } of await balancing.targetGroups(unknown, never)) names.set(arn, name);
  };
  await look();
  // Between two looks, and after one that failed, it does what it last knew.
  const timer = setInterval(() => void look().catch(() => undefined), lookEveryMs);

  const server = createServer((incoming, outgoing) => void pass(incoming, outgoing).catch(() => outgoing.destroy()));
  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const rule = rules.find((one) => one.conditions.every((condition) => fulfils(condition, incoming)));
    const chosen = rule === undefined ? undefined : drawn(groupsOf(rule));
    const name = chosen === undefined ? undefined : names.get(chosen);
    if (name === undefined) return void outgoing.writeHead(502).end();
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const { host = '127.0.0.1', port } = await targetsOf(name);
    const { method = 'GET', url = '/', headers } = incoming;
    const onward = request({ host, port, method, path: url, headers, agent }, (answered) =>
      answered.pipe(outgoing.writeHead(answered.statusCode ?? 502, answered.headers)),
    );
    onward.on('error', () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()));
    incoming.pipe(onward);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    async close() {
      clearInterval(timer);
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function fulfils(condition: JsonObject, { headers, socket }: IncomingMessage): boolean {
  const header = condition['HttpHeaderConfig'] as { HttpHeaderName: string; Values: string[] } | undefined;
  if (header !== undefined) return header.Values.includes(String(headers[header.HttpHeaderName.toLowerCase()]));
  const source = condition['SourceIpConfig'] as { Values: string[] } | undefined;
  if (source !== undefined) return source.Values.some((range) => range.replace('/32', '') === socket.remoteAddress);
  throw new Error(`this balancer does not know the condition ${JSON.stringify(condition)}`);
}

function groupsOf(rule: Rule): readonly { readonly arn: string; readonly weight: number }[] {
  const action = rule.actions.find((one) => one['Type'] === 'forward');
  const config = action?.['ForwardConfig'] as { TargetGroups?: { TargetGroupArn: string; Weight?: number }[] } | undefined;
  const listed = config?.TargetGroups ?? [];
  if (listed.length > 0) return listed.map((one) => ({ arn: one.TargetGroupArn, weight: one.Weight ?? 1 }));
  return action === undefined ? [] : [{ arn: String(action['TargetGroupArn']), weight: 1 }];
}

function drawn(groups: readonly { readonly arn: string; readonly weight: number }[]): string | undefined {
  let left = Math.random() * groups.reduce((sum, one) => sum + one.weight, 0);
  return groups.find((one) => {
    left -= one.weight;
    return left < 0;
  })?.arn;
}
