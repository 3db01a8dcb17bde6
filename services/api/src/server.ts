import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import { parseAlerts } from '@haldane/alerts';
import { AbortBody, EventsQuery, FileBody, ListQuery, NewRunBody, PlanBody, ReportQuery, RunParams, SweepBody } from '@haldane/client';
import { HaldaneError, type Run } from '@haldane/core';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { Access } from './access.ts';
import type { Desk } from './desk.ts';
import { problemOf } from './problem.ts';
import { stream } from './stream.ts';

/** What the API needs to listen. Alert senders have a token of their own that opens nothing else. */
export type ApiOptions = {
  readonly desk: Desk;
  readonly tokens: readonly string[];
  readonly alertTokens: readonly string[];
  /** Told of every error that is ours; the caller hears nothing of it. */
  readonly onError: (error: unknown) => void;
};

/** Routes that need no token, or ask for one of their own. */
const openRoutes: readonly string[] = ['/healthz', '/alerts/:receiver'];
const contentTypes = { terminal: 'text/plain', markdown: 'text/markdown', html: 'text/html', json: 'application/json' } as const;

/** The API as a fastify instance that is not listening yet. Every endpoint but /healthz needs a token. */
export function createApi(options: ApiOptions): FastifyInstance {
  const { desk } = options;
  const access = new Access(options.tokens);
  const senders = new Access(options.alertTokens);
  const app = fastify({
    logger: false,
    bodyLimit: 256 * 1024,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
    // An address that cannot be read finds no route, and so none of what is set below.
    frameworkErrors: (error, _request, reply) => {
      const problem = problemOf(error);
      void (reply as unknown as FastifyReply).code(problem.status).type('application/problem+json').send(problem);
    },
  })
    .setValidatorCompiler(TypeBoxValidatorCompiler)
    .withTypeProvider<TypeBoxTypeProvider>();

  app.setErrorHandler(async (error, _request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500) options.onError(error);
    return reply.code(problem.status).type('application/problem+json').send(problem);
  });
  app.setNotFoundHandler(async (_request, reply) => {
    const problem = problemOf(new HaldaneError('not-found', 'there is no such address'));
    return reply.code(404).type('application/problem+json').send(problem);
  });
  app.addHook('onRequest', async (request) => {
    // Asked of the route that was found, not of the address: whoever reads the address another way than the router lets strangers in.
    if (openRoutes.includes(request.routeOptions.url ?? '')) return;
    access.require(request.headers.authorization);
  });

  const known = async (id: string): Promise<Run> => {
    const run = await desk.runs.get(id);
    if (run === null) throw new HaldaneError('not-found', `there is no run ${id}; \`haldane report\` without a name shows the newest`);
    return run;
  };

  app.get('/healthz', async () => ({ ok: true }));
  app.post('/v1/plans', { schema: { body: PlanBody } }, async (request) => desk.plan(request.body.file, request.body.find));
  app.post('/v1/runs', { schema: { body: NewRunBody } }, async (request, reply) => reply.code(201).send(await desk.create(request.body)));
  app.get('/v1/runs', { schema: { querystring: ListQuery } }, async (request) => desk.runs.list(request.query.limit ?? 20));
  app.get('/v1/runs/:id', { schema: { params: RunParams } }, async (request) => known(request.params.id));
  app.post('/v1/runs/:id/abort', { schema: { params: RunParams, body: AbortBody } }, async (request) => {
    const run = await known(request.params.id);
    await desk.runs.askAbort(run.id, request.body.why);
    return known(run.id);
  });
  app.get('/v1/runs/:id/events', { schema: { params: RunParams, querystring: EventsQuery } }, async (request, reply) => {
    const run = await known(request.params.id);
    const resumed = Number(request.headers['last-event-id']);
    await stream(desk, run.id, Number.isInteger(resumed) && resumed > 0 ? resumed : (request.query.after ?? 0), reply);
  });
  app.get('/v1/runs/:id/evidence', { schema: { params: RunParams } }, async (request) =>
    desk.evidence((await known(request.params.id)).id),
  );
  app.get('/v1/runs/:id/report', { schema: { params: RunParams, querystring: ReportQuery } }, async (request, reply) => {
    const format = request.query.format ?? 'markdown';
    return reply.type(`${contentTypes[format]}; charset=utf-8`).send(await desk.report(await known(request.params.id), format));
  });
  app.get('/v1/scenarios', async () => desk.scenarios());
  app.post('/v1/services', { schema: { body: FileBody } }, async (request) => desk.deploy(request.body.file));
  app.post('/v1/sweep', { schema: { body: SweepBody } }, async (request) => desk.sweep(request.body.end));
  app.post(
    '/alerts/:receiver',
    {
      schema: {
        params: Type.Object({ receiver: Type.String({ pattern: '^[a-z0-9-]{1,60}$' }) }),
        querystring: Type.Object({ token: Type.Optional(Type.String({ maxLength: 200 })) }),
      },
    },
    async (request, reply) => {
      const bearer = request.headers.authorization?.replace(/^Bearer /, '');
      senders.requireToken(bearer ?? request.query.token ?? '');
      const alerts = parseAlerts(request.params.receiver, request.body, Date.now());
      await desk.receive(alerts);
      return reply.code(202).send({ received: alerts.length });
    },
  );
  return app as unknown as FastifyInstance;
}
