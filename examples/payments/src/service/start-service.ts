import type { AddressInfo } from 'node:net';
import { createApp } from './app.ts';
import { AuditLog } from './audit-log.ts';
import type { ServiceConfig } from './config.ts';
import { KeyCache } from './key-cache.ts';
import { type BookOptions, openPaymentBook, type PaymentBook } from './payment-book.ts';
import { verifierOf } from './verifier-of.ts';

export type RunningService = { readonly url: string; close(): Promise<void> };

/** Starts one instance. It comes up without keys too: a cold instance refuses everybody, which is better than not being there. */
export async function startService(
  config: ServiceConfig,
  open: (options: BookOptions) => Promise<PaymentBook> = openPaymentBook,
): Promise<RunningService> {
  const audit = new AuditLog({ url: config.auditUrl, service: config.service, instance: config.instance, flushMs: 200, keep: 2000 });
  const keys = new KeyCache({
    url: config.jwksUrl,
    holdMs: config.keyCacheSeconds * 1000,
    retryMs: 250,
    // A cold instance has no older keys to go on with, so the first fetch must outlast a busy machine.
    timeoutMs: 3000,
    onFailure: ({ reason, keyAgeMs }) => {
      // The careless build is careless here too: for it, keys that are away are nothing worth a record.
      if (config.build === 'flawed-jwks') return;
      const keyAgeSeconds = keyAgeMs === null ? null : Math.round(keyAgeMs / 1000);
      audit.write({ event: 'jwks-refresh-failed', reason, keyAgeSeconds, host: new URL(config.jwksUrl).host, cold: keyAgeMs === null });
    },
  });
  const book = await open({ url: config.databaseUrl, connections: 4, makesTables: config.makesTables });
  // The slow build fetches only when a request asks; the others fetch ahead.
  if (config.build === 'slow') await keys.refresh();
  else await keys.keepFresh();
  const verify = verifierOf(config.build, keys, { issuer: config.issuer, audience: config.audience });
  const app = createApp({ verify, keys, book, audit });
  await app.listen({ port: config.port, host: '127.0.0.1' });
  return {
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    async close() {
      await app.close();
      keys.close();
      await audit.close();
      await book.close();
    },
  };
}
