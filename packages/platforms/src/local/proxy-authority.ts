import { connect } from 'node:tls';
import { HaldaneError, messageOf } from '@haldane/core';

/**
 * The authority (PEM) of an https proxy of ours, asked of the proxy itself: it serves it with its certificate. So nothing
 * of it lies on disk before an arm needs it. `port` comes from the router's own, authenticated word.
 */
export function proxyAuthority(port: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    // Nothing is sent over this connection; it is what the trust of the arm begins with, so there is nothing to check it against.
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false, timeout: 5000 }, () => {
      const issuer = socket.getPeerCertificate(true).issuerCertificate?.raw;
      socket.destroy();
      if (issuer === undefined)
        return reject(new HaldaneError('unavailable', `the https proxy on port ${port} serves no authority with its certificate`));
      resolve(
        `-----BEGIN CERTIFICATE-----\n${(issuer.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`,
      );
    });
    const fail = (why: string) => {
      socket.destroy();
      reject(new HaldaneError('unavailable', `the https proxy on port ${port} did not tell its authority: ${why}`));
    };
    socket.once('timeout', () => fail('no answer within 5 s'));
    socket.once('error', (error) => fail(messageOf(error)));
    signal.addEventListener('abort', () => fail('aborted'), { once: true });
  });
}
