import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Rule, SecurityEvent } from './rule.ts';
import { RuleEngine } from './rule-engine.ts';
import { sendAlert } from './webhook.ts';

export type Detector = { readonly url: string; close(): Promise<void> };

const mostBytes = 1_000_000;

/**
 * The audit sink and what watches it: takes JSON lines at POST /events from any number of services, counts them against the rules
 * and calls the webhook of each receiver. `say` gets one line for each alert and each that was lost; never an event's content.
 */
export async function startDetector(options: {
  readonly port: number;
  readonly rules: readonly Rule[];
  readonly webhook: string;
  readonly say: (line: Readonly<Record<string, unknown>>) => void;
}): Promise<Detector> {
  const engine = new RuleEngine(options.rules);
  const sending = new Set<Promise<void>>();
  const take = (event: SecurityEvent) => {
    for (const alert of engine.take(event, Date.now())) {
      const told = { rule: alert.rule, receiver: alert.receiver, instance: alert.fields['instance'] };
      options.say({ alert: told });
      const sent = sendAlert(options.webhook, alert, (why) => options.say({ lost: told, why })).finally(() => sending.delete(sent));
      sending.add(sent);
    }
  };
  const server = createServer((request, response) => {
    const answer = (status: number, body: Readonly<Record<string, unknown>>) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.method === 'GET' && request.url === '/healthz')
      return answer(200, { status: 'ok', rules: options.rules.map(({ name }) => name) });
    if (request.method !== 'POST' || request.url !== '/events') return answer(404, { error: 'POST /events takes JSON lines' });
    readLines(request).then(
      (events) => {
        events.forEach(take);
        answer(202, { taken: events.length });
      },
      (error: unknown) => answer(400, { error: error instanceof Error ? error.message : 'unreadable' }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await Promise.all(sending);
    },
  };
}

async function readLines(request: IncomingMessage): Promise<readonly SecurityEvent[]> {
  let text = '';
  request.setEncoding('utf8');
  for await (const part of request) {
    text += part;
    if (text.length > mostBytes) throw new Error(`more than ${mostBytes} characters in one batch`);
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, at) => readEvent(line, at + 1));
}

function readEvent(line: string, at: number): SecurityEvent {
  let event: Partial<SecurityEvent> | null = null;
  try {
    event = JSON.parse(line) as Partial<SecurityEvent>;
  } catch {
    throw new Error(`line ${at} is not JSON`);
  }
  for (const field of ['event', 'service', 'instance', 'at'] as const) {
    if (typeof event?.[field] !== 'string') throw new Error(`line ${at} has no ${field}`);
  }
  return event as SecurityEvent;
}
