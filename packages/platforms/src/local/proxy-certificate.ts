import { type webcrypto as WebCrypto, webcrypto } from 'node:crypto';
import type { PemPair } from '@haldane/dataplane';
import { provideReflection } from './reflection.ts';

/** What an https proxy serves: the certificate followed by its authority's, and the key. All PEM. */
export type ProxyCertificate = PemPair & { readonly wrongName: PemPair; readonly expired: PemPair };

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const hourMs = 3_600_000;

/**
 * A certificate for this machine's loopback names, signed by an authority made for this one proxy; and, for faults, one of another name
 * and one whose time is over, which no caller that checks may accept. The authority's key
 * never leaves this function: whoever trusts the authority trusts this proxy and nothing else, now or later.
 */
export async function makeProxyCertificate(proxy: string, now: number): Promise<ProxyCertificate> {
  provideReflection();
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as never);
  const authorityKeys = await makeKeys();
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
  const make = async (names: Names, times: typeof validity): Promise<PemPair> => {
    const keys = await makeKeys();
    const leaf = await x509.X509CertificateGenerator.create({
      ...times,
      subject: [{ CN: [names[0]?.value ?? ''] }],
      issuer: authority.subject,
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey as never,
      signingKey: authorityKeys.privateKey as never,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([...names]),
        await x509.AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey as never),
      ],
    });
    const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    return { cert: `${leaf.toString('pem')}\n${authority.toString('pem')}\n`, key: pem('PRIVATE KEY', key) };
  };
  const here: Names = [
    { type: 'dns', value: 'localhost' },
    { type: 'ip', value: '127.0.0.1' },
    { type: 'ip', value: '::1' },
  ];
  const [usual, wrongName, expired] = await Promise.all([
    make(here, validity),
    make([{ type: 'dns', value: 'wrong-name.invalid' }], validity),
    make(here, { notBefore: validity.notBefore, notAfter: new Date(now - 60_000) }),
  ]);
  return { ...usual, wrongName, expired };
}

type Names = readonly { readonly type: 'dns' | 'ip'; readonly value: string }[];

async function makeKeys(): Promise<WebCrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as WebCrypto.CryptoKeyPair;
}

function pem(label: string, base64: string): string {
  return `-----BEGIN ${label}-----\n${(base64.match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`;
}
