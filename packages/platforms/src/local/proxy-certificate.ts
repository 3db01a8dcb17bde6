import { type webcrypto as WebCrypto, webcrypto } from 'node:crypto';
import { provideReflection } from './reflection.ts';

/** What an https proxy serves: the certificate followed by its authority's, and the key. All PEM. */
export type ProxyCertificate = { readonly cert: string; readonly key: string };

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const hourMs = 3_600_000;

/**
 * A certificate for this machine's loopback names, signed by an authority made for this one proxy. The authority's key
 * never leaves this function: whoever trusts the authority trusts this proxy and nothing else, now or later.
 */
export async function makeProxyCertificate(proxy: string, now: number): Promise<ProxyCertificate> {
  provideReflection();
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as never);
  const [authorityKeys, keys] = await Promise.all([makeKeys(), makeKeys()]);
  const validity = { notBefore: new Date(now - hourMs), notAfter: new Date(now + 7 * 24 * hourMs) };
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: [{ CN: [`Haldane authority of ${proxy}`] }],
    signingAlgorithm: algorithm,
    keys: authorityKeys as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(authorityKeys.publicKey as never),
    ],
  });
  const leaf = await x509.X509CertificateGenerator.create({
    ...validity,
    subject: [{ CN: ['localhost'] }],
    issuer: authority.subject,
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey as never,
    signingKey: authorityKeys.privateKey as never,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey as never),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { cert: `${leaf.toString('pem')}\n${authority.toString('pem')}\n`, key: pem('PRIVATE KEY', key) };
}

async function makeKeys(): Promise<WebCrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as WebCrypto.CryptoKeyPair;
}

function pem(label: string, base64: string): string {
  return `-----BEGIN ${label}-----\n${(base64.match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`;
}
