import { createHash } from 'node:crypto';
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FetchText } from '@haldane/alerts';
import { type ErrorCode, HaldaneError, systemClock } from '@haldane/core';
import { type Egress, egress } from '@haldane/egress';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Caller } from './access/caller.ts';
import type { Capability } from './access/capabilities.ts';
import { Doorkeeper, Secrets } from './access/doorkeeper.ts';
import { requireFile } from './access/reach.ts';
import type { Ask } from './ask.ts';
import { AuditedRequest } from './audited-request.ts';
import { authorise, namedBy } from './authorise.ts';
import type { Desk, Permit } from './desk.ts';
import { handlers } from './handlers/index.ts';
import { Logins } from './login/logins.ts';
import type { TrustRule } from './login/trust-rule.ts';
import { OnceInAWhile } from './once-in-a-while.ts';
import type { Operation } from './operations/operation.ts';
import { problemOf } from './problem.ts';
import { type Rate, RateLimit } from './rate-limit.ts';
import { type Route, routes } from './routes.ts';
import type { SignedHook } from './signed-hook.ts';
import { type SlackApp, watchedBy } from './slack/slack-app.ts';
import { textOver } from './text-over.ts';

/** What the API needs to listen. Alert senders have a token of their own that opens nothing else. */
export type ApiOptions = {
  readonly desk: Desk;
  /** Tokens of the house itself: they may do everything. */
  readonly tokens: readonly string[];
  readonly alertTokens: readonly string[];
  /** Told of every error that is ours; the caller hears nothing of it. */
  readonly onError: (error: unknown) => void;
  /** Whose logins are believed; nobody's when it is not given. */
  readonly trust?: readonly TrustRule[];
  /** By which issuers are asked for their keys; the public internet only, and the issuers themselves, when it is not given. */
  readonly egress?: Egress;
  /** The Slack app whose buttons lead here; none when it is not given. */
  readonly slack?: SlackApp;
  /** Takes what GitHub sends to the App of this Haldane; there is none when it is not given. */
  readonly gitHub?: SignedHook;
  /** How certificates of SNS are had and subscriptions confirmed; through `egress` when it is not given. */
  readonly fetchSns?: FetchText;
  /** How often one token may ask, and how often one address without a good one. */
  readonly rates?: { readonly known: Rate; readonly strangers: Rate };
};

const rates = { known: { burst: 2_000, perSecond: 100 }, strangers: { burst: 300, perSecond: 5 } } as const;

/** What is known of a request while it is answered. */
type Visit = { readonly route: Route | null; readonly record: AuditedRequest | null; caller: Caller | null; isHandled: boolean };

/** The API as a fastify instance that is not listening yet: every route of the table, and behind each only those who may. */
export function createApi(options: ApiOptions): FastifyInstance {
  const { desk, onError } = options;
  const door = new Doorkeeper(options.tokens, desk.store.tokens);
  const out = options.egress ?? egress([]);
  const logins = new Logins(options.trust ?? [], desk.store.tokens, out);
  const fetchSns = options.fetchSns ?? textOver(out);
  const senders = new Secrets(options.alertTokens);
  const known = new RateLimit((options.rates ?? rates).known, systemClock.now);
  const strangers = new RateLimit((options.rates ?? rates).strangers, systemClock.now);
  const forgeries = new OnceInAWhile(60_000, systemClock.now);
  const visits = new WeakMap<FastifyRequest, Visit>();
  const byOperation = new Map<Operation, Route>(routes.map((route) => [route.operation, route]));

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
  }).setValidatorCompiler(TypeBoxValidatorCompiler);

  app.setErrorHandler(async (error, request, reply) => {
    const visit = visits.get(request);
    let problem = problemOf(error);
    let like: number | null = 0;
    // Anybody may send what nobody signed, and from the address of who does sign: only the former is counted.
    if (visit?.route?.operation.on === 'signed' && (problem.code === 'unauthorised' || !visit.isHandled)) {
      like = forgeries.say(`${visit.route.id} ${request.ip}`);
      const wait = strangers.take(request.ip);
      if (wait > 0) problem = problemOf(tooMany(wait, reply));
    }
    if (problem.status >= 500) onError(error);
    // What was throttled is not written down, or a flood would be one in the log too.
    if (problem.code !== 'throttled' && like !== null) await visit?.record?.failed(problem.code as ErrorCode, like).catch(onError);
    return reply.code(problem.status).type('application/problem+json').send(problem);
  });
  app.setNotFoundHandler(async () => {
    throw new HaldaneError('not-found', 'there is no such address');
  });
  app.addHook('onRoute', ({ url, method, config }) => {
    const declared = (config as { operation?: Operation } | undefined)?.operation;
    // HEAD is fastify's own twin of GET and shares its declaration.
    if (declared === undefined || !byOperation.has(declared))
      throw new HaldaneError('internal', `the route ${String(method)} ${url} does not say who may ask for it`);
  });

  // What is signed is the body's bytes. Nobody else's forms are read: a page of somebody else's could send one.
  const isSigned = (request: FastifyRequest) => (request.routeOptions.config as { operation?: Operation }).operation?.on === 'signed';
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, body, done) => {
    if (isSigned(request)) done(null, body);
    else done(new HaldaneError('bad-request', 'send JSON, not a form'));
  });
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (isSigned(request)) done(null, body);
    else void parseJson(request, body as string, done);
  });
  const actFor: Ask<Operation>['actFor'] = async (who, { method, path, body }, from) => {
    const headers = { authorization: `Bearer ${door.lend(who)}` };
    const answer = await app.inject({ method, url: path, headers, payload: body, remoteAddress: from });
    const ok = answer.statusCode < 300;
    return { ok, detail: ok ? '' : answer.json<{ detail: string }>().detail };
  };

  const enter = (request: FastifyRequest): Visit => {
    const route = byOperation.get((request.routeOptions.config as { operation?: Operation }).operation as Operation) ?? null;
    const record = route === null ? null : new AuditedRequest(desk.store.audit, request, route);
    const visit = { route, record, caller: null, isHandled: false };
    visits.set(request, visit);
    return visit;
  };
  const throttle = (limit: RateLimit, who: string, reply: FastifyReply): void => {
    const wait = limit.take(who);
    if (wait > 0) throw tooMany(wait, reply);
  };

  app.addHook('onRequest', async (request, reply) => {
    // Asked of the route that was found, not of the address: whoever reads the address another way than the router lets strangers in.
    const visit = enter(request);
    const on = visit.route?.operation.on;
    if (on === 'public') return;
    // Who signed stands over the body, which is not here yet: strangers are told apart when it is.
    if (on === 'signed') return;
    // Whoever brings a login is a stranger until it was looked at, and looking is dear.
    if (on === 'assertion') return throttle(strangers, request.ip, reply);
    try {
      if (on === 'sender') return requireSender(senders, request);
      visit.caller = await door.admit(request.headers.authorization);
    } catch (error) {
      throttle(strangers, request.ip, reply);
      throw error;
    }
    if (visit.record !== null) visit.record.caller = visit.caller;
    throttle(known, visit.caller.token.id, reply);
  });
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.method !== 'GET' || reply.statusCode !== 200 || typeof payload !== 'string') return payload;
    const tag = `"${createHash('sha256').update(payload).digest('base64url').slice(0, 27)}"`;
    void reply.header('etag', tag);
    if (request.headers['if-none-match'] !== tag) return payload;
    void reply.code(304).removeHeader('content-length');
    return null;
  });

  for (const route of routes) {
    const { operation } = route;
    const { method, path, params, query, body } = operation;
    app.route({
      method,
      url: path,
      config: { operation },
      // A stream without its body would be a request without an end.
      ...(operation.mostBytes === undefined ? {} : { bodyLimit: operation.mostBytes }),
      exposeHeadRoute: operation.produces !== 'events',
      schema: { ...(params && { params }), ...(query && { querystring: query }), ...(body && { body }) },
      handler: async (request, reply) => {
        const visit = visits.get(request) as Visit & { record: AuditedRequest };
        const { caller, record } = visit;
        visit.isHandled = true;
        record.to = namedBy(route, request.params);
        const matter = await authorise(desk, logins, route, caller, { params: request.params, body: request.body });
        record.to = matter.to;
        record.login = matter.login;
        if (operation.on !== 'file') await record.allowed();
        const permit: Permit = async (service, owner) => {
          record.to = `service ${service.service} in ${service.environment}`;
          const by = caller as Caller;
          const registers = operation.quiet === true ? null : watchedBy(options.slack ?? null, by.token.subject);
          await requireFile(desk, by, operation.may as Capability, service, owner, registers);
          await record.allowed();
        };
        if (operation.status !== undefined) void reply.code(operation.status);
        const { params, query, body } = request;
        const ask = {
          desk,
          caller,
          run: matter.run,
          stage: matter.stage ?? null,
          login: matter.login,
          params,
          query,
          body: body ?? {},
          permit,
          slack: options.slack ?? null,
          gitHub: options.gitHub ?? null,
          actFor,
          fetchSns,
          request,
          reply,
        };
        return (handlers[route.id] as (ask: Ask<Operation>) => Promise<unknown>)(ask as unknown as Ask<Operation>);
      },
    });
  }
  return app as unknown as FastifyInstance;
}

function tooMany(wait: number, reply: FastifyReply): HaldaneError {
  void reply.header('retry-after', wait);
  return new HaldaneError('throttled', `too many requests; ask again in ${wait} s`);
}

function requireSender(senders: Secrets, request: FastifyRequest): void {
  const bearer = request.headers.authorization?.replace(/^Bearer /, '');
  const { token } = request.query as { readonly token?: unknown };
  if (!senders.has(bearer ?? (typeof token === 'string' ? token : '')))
    throw new HaldaneError('unauthorised', 'this needs the token of an alert sender: Authorization: Bearer <token>, or ?token=');
}
