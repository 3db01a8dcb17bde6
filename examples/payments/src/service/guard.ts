import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuditLog } from './audit-log.ts';
import { problem } from './problem.ts';
import type { Verify } from './verifier.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who the verified token belongs to; empty on open routes. */
    subject: string;
  }
}

/** Lets a request in only with a token that `verify` accepts. Every refusal is in the audit log, no token ever is. */
export function guard(verify: Verify, audit: Pick<AuditLog, 'write'>) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const verified = await verify(bearerOf(request.headers.authorization));
    if (verified.ok) {
      request.subject = verified.subject;
      return undefined;
    }
    audit.write({
      event: 'auth-failure',
      reason: verified.refused,
      ...verified.facts,
      source: request.ip,
      method: request.method,
      route: request.routeOptions.url ?? '',
    });
    if (verified.refused === 'keys-unavailable') {
      return problem(reply.header('retry-after', '1'), 503, 'Temporarily unavailable', 'Tokens cannot be verified right now. Try again.');
    }
    const challenge = verified.refused === 'missing' ? 'Bearer realm="payments"' : 'Bearer realm="payments", error="invalid_token"';
    return problem(reply.header('www-authenticate', challenge), 401, 'Unauthorised', 'A valid access token is needed.');
  };
}

function bearerOf(header: string | undefined): string | null {
  const found = header === undefined ? null : /^Bearer ([\w.~+/=-]+)$/i.exec(header);
  return found?.[1] ?? (header === undefined ? null : '');
}
