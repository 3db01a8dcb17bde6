export type StrictRequest = {
  readonly method: string;
  readonly target: string;
  /** Lower-case names; a name that came twice has both values. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
};

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const requestLine = new RegExp(`^(${token}) ([!-"$-~\\u0080-\\u00ff]+) HTTP/1\\.1$`);
const fieldLine = new RegExp(`^(${token}):[ \\t]*([\\t -~\\u0080-\\u00ff]*)$`);
const hostForm = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]+)(?::[0-9]*)?$/;

/**
 * Reads requests from bytes and throws at whatever two readers of RFC 9112 might read differently: anything but CRLF, a name with an
 * underscore for a length, more than one length, an encoding other than exactly `chunked`, chunk extensions, trailers, no or two hosts.
 */
export class StrictReader {
  /** Everything that came, one character a byte. */
  seen = '';
  /** The request whose head is whole but whose body is not. */
  began: Omit<StrictRequest, 'body'> | null = null;
  #at = 0;

  push(bytes: Buffer): void {
    this.seen += bytes.toString('latin1');
    if (this.began === null) this.#head();
  }
  /** The next whole request, or null. */
  take(): StrictRequest | null {
    if (this.began === null) this.#head();
    if (this.began === null) return null;
    const body = this.#body(this.began.headers);
    if (body === null) return null;
    const request = { ...this.began, body };
    this.began = null;
    return request;
  }

  #head(): void {
    const end = this.seen.indexOf('\r\n\r\n', this.#at);
    const sofar = this.seen.slice(this.#at, end < 0 ? undefined : end);
    if (/[^\r]\n|^\n|\r[^\n]/.test(sofar)) throw new Error('a line ends in half a CRLF');
    if (end < 0) return;
    const [first = '', ...lines] = sofar.split('\r\n');
    const line = requestLine.exec(first);
    if (!line?.[1] || !line[2]) throw new Error(`a request line that is none: ${first}`);
    if (!line[2].startsWith('/')) throw new Error(`a target that is no path: ${line[2]}`);
    const headers = lines.map((text) => {
      const field = fieldLine.exec(text);
      if (!field?.[1]) throw new Error(`a header line that is none: ${text}`);
      return [field[1].toLowerCase(), field[2]?.trimEnd() ?? ''] as const;
    });
    checkFraming(headers);
    this.#at = end + 4;
    this.began = { method: line[1], target: line[2], headers };
  }
  #body(headers: StrictRequest['headers']): string | null {
    if (headers.some(([name]) => name === 'transfer-encoding')) return this.#chunks();
    const length = Number(headers.find(([name]) => name === 'content-length')?.[1] ?? 0);
    if (this.seen.length - this.#at < length) return null;
    this.#at += length;
    return this.seen.slice(this.#at - length, this.#at);
  }
  #chunks(): string | null {
    let body = '';
    for (let at = this.#at; ; ) {
      const end = this.seen.indexOf('\r\n', at);
      if (end < 0) return null;
      const size = this.seen.slice(at, end);
      if (!/^[0-9a-fA-F]{1,8}$/.test(size)) throw new Error(`a chunk size that is none: ${size}`);
      const length = Number.parseInt(size, 16);
      const next = end + 2 + length;
      if (this.seen.length < next + 2) return null;
      if (this.seen.slice(next, next + 2) !== '\r\n')
        throw new Error(length === 0 ? 'a trailer' : 'a chunk that does not end where it says');
      body += this.seen.slice(end + 2, next);
      at = next + 2;
      if (length > 0) continue;
      this.#at = at;
      return body;
    }
  }
}

function checkFraming(headers: StrictRequest['headers']): void {
  const all = (name: string) => headers.filter(([each]) => each.replaceAll('_', '-') === name);
  const hosts = all('host');
  if (hosts.length !== 1 || !hostForm.test(hosts[0]?.[1] ?? '')) throw new Error(`hosts: ${hosts.map(([, value]) => value).join(' and ')}`);
  const lengths = all('content-length');
  const encodings = all('transfer-encoding');
  if (lengths.length + encodings.length > 1) throw new Error('two ways to find the end');
  if (lengths[0] && (lengths[0][0] !== 'content-length' || !/^(?:0|[1-9][0-9]{0,15})$/.test(lengths[0][1])))
    throw new Error(`a length that is none: ${lengths[0].join(': ')}`);
  if (encodings[0] && (encodings[0][0] !== 'transfer-encoding' || encodings[0][1] !== 'chunked'))
    throw new Error(`an encoding: ${encodings[0].join(': ')}`);
}
