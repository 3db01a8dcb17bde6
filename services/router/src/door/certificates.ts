import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:net';
import { createSecureContext, type SecureContext, type TlsOptions, Server as TlsServer } from 'node:tls';
import { HaldaneError, messageOf } from '@haldane/core';
import type { CertificateFiles, DoorTls, RouteView } from '@haldane/dataplane';

type Served = { readonly cert: Buffer; readonly key: Buffer; readonly context: SecureContext; readonly version: string };

/**
 * The certificates of a door, as their files say. Files that changed are read again; a pair that does not fit together is told as a
 * problem, and what was served before goes on being served. Connections that are there are not touched. Keys stay in here.
 */
export class Certificates {
  readonly #tls: DoorTls;
  readonly #names = new Map<string, Served>();
  #first: Served;
  #problem: string | null = null;

  /** Throws `bad-request` naming the file that cannot be served. */
  constructor(tls: DoorTls) {
    this.#tls = tls;
    this.#first = read(tls);
    for (const each of tls.names ?? []) this.#names.set(each.name, read(each));
  }
  /** For a server of TLS. */
  get options(): TlsOptions {
    return {
      cert: this.#first.cert,
      key: this.#first.key,
      ALPNProtocols: ['http/1.1'],
      SNICallback: (name, answer) => answer(null, this.#contextFor(name.toLowerCase())),
    };
  }
  /** Reads again what changed. Called every second; costs one look at each file. */
  reload(server: Server): void {
    this.#problem = null;
    const first = this.#again(this.#first, this.#tls);
    if (first !== this.#first) {
      this.#first = first;
      if (server instanceof TlsServer) server.setSecureContext({ cert: first.cert, key: first.key });
    }
    for (const each of this.#tls.names ?? []) {
      const before = this.#names.get(each.name);
      if (before) this.#names.set(each.name, this.#again(before, each));
    }
  }
  view(): RouteView['tls'] {
    return { validUntil: Date.parse(new X509Certificate(this.#first.cert).validTo), problem: this.#problem };
  }

  #again(before: Served, files: CertificateFiles): Served {
    try {
      return versionOf(files) === before.version ? before : read(files);
    } catch (error) {
      this.#problem = messageOf(error);
      return before;
    }
  }
  #contextFor(name: string): SecureContext {
    return (this.#names.get(name) ?? this.#names.get(name.replace(/^[^.]+/, '*')) ?? this.#first).context;
  }
}

function read(files: CertificateFiles): Served {
  const { certFile, keyFile } = files;
  try {
    const version = versionOf(files);
    const [cert, key] = [readFileSync(certFile), readFileSync(keyFile)];
    return { cert, key, context: createSecureContext({ cert, key }), version };
  } catch (error) {
    // OpenSSL and the file system name what is wrong, never what is in a key.
    throw new HaldaneError('bad-request', `${certFile} and ${keyFile} are no certificate and its key in PEM: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Another one for every way in which files are replaced: written over, renamed over, or reached through another link. */
function versionOf({ certFile, keyFile }: CertificateFiles): string {
  return [certFile, keyFile]
    .map((path) => statSync(path))
    .map(({ mtimeMs, ino, size }) => `${mtimeMs}.${ino}.${size}`)
    .join();
}
