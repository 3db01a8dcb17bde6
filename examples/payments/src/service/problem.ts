import type { FastifyReply } from 'fastify';

/** Answers with an RFC 9457 problem. `detail` is ours: nothing that the client sent is repeated. */
export function problem(reply: FastifyReply, status: number, title: string, detail: string): FastifyReply {
  return reply.code(status).type('application/problem+json').send({ type: 'about:blank', title, status, detail });
}
