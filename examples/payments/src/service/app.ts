import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import type { AuditLog } from './audit-log.ts';
import { guard } from './guard.ts';
import type { KeyCache } from './key-cache.ts';
import type { NewPayment, PaymentBook } from './payment-book.ts';
import { problem } from './problem.ts';
import type { Verify } from './verifier.ts';

export type AppParts = {
  readonly verify: Verify;
  readonly keys: KeyCache;
  readonly book: PaymentBook;
  readonly audit: Pick<AuditLog, 'write'>;
};

const securityHeaders = {
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

const paymentSchema = {
  body: {
    type: 'object',
    required: ['amount', 'currency', 'to'],
    additionalProperties: false,
    properties: {
      amount: { type: 'integer', minimum: 1, maximum: 100_000_000 },
      currency: { type: 'string', pattern: '^[A-Z]{3}$' },
      to: { type: 'string', minLength: 1, maxLength: 64 },
      reference: { type: 'string', maxLength: 140 },
      payer: {
        type: 'object',
        required: ['name', 'card'],
        additionalProperties: false,
        properties: { name: { type: 'string', maxLength: 100 }, card: { type: 'string', pattern: '^[0-9 ]{12,23}$' } },
      },
    },
  },
};

/** The payments service as HTTP. It logs nothing: what may be known about a request is in the audit log. */
export function createApp({ verify, keys, book, audit }: AppParts): FastifyInstance {
  const app = Fastify({ logger: false, bodyLimit: 16_384, return503OnClosing: false });
  const onRequest = guard(verify, audit);
  app.decorateRequest('subject', '');
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(securityHeaders);
  });
  app.setNotFoundHandler((_request, reply) => problem(reply, 404, 'Not found', 'There is nothing here.'));
  app.setErrorHandler((error, _request, reply) => {
    const status = (error as { statusCode?: number }).statusCode ?? 503;
    return status < 500
      ? problem(reply, status, 'Bad request', 'The request does not have the form that this route takes.')
      : problem(reply.header('retry-after', '1'), 503, 'Temporarily unavailable', 'Something that this service needs did not answer.');
  });

  app.get('/healthz', async () => ({ status: 'ok', keys: keys.held === null ? 'none' : keys.fresh ? 'fresh' : 'stale' }));

  app.get('/accounts/me', { onRequest }, async (request, reply) => {
    if (request.headers.cookie === undefined) {
      reply.header('set-cookie', `payments-visit=${randomUUID()}; Path=/; HttpOnly; SameSite=Lax`);
    }
    return book.account(request.subject);
  });

  app.get('/payments', { onRequest }, async (request) => ({ payments: await book.recent(request.subject, 20) }));

  app.post<{ Body: NewPayment }>('/payments', { onRequest, schema: paymentSchema }, async (request, reply) => {
    const payment = await book.pay(request.subject, request.body);
    audit.write({ event: 'payment-made', subject: request.subject, payment: payment.id, source: request.ip });
    return reply.code(201).send(payment);
  });

  app.post('/audit/heartbeat', { onRequest }, async (request, reply) => {
    audit.write({ event: 'heartbeat', subject: request.subject });
    return reply.code(202).send({ recorded: true });
  });
  return app;
}
