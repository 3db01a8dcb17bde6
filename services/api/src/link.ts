import type { FastifyReply, FastifyRequest } from 'fastify';

/** Says where the next page is (RFC 8288). */
export function linkToNext(request: FastifyRequest, reply: FastifyReply, query: Readonly<Record<string, string | number>>): void {
  const path = request.url.split('?')[0];
  const words = new URLSearchParams(Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]));
  void reply.header('link', `<${path}?${words.toString()}>; rel="next"`);
}
