import { connect } from 'node:net';

/** What a client got for its bytes. */
export type RawAnswer = {
  /** Status of each answer but interim ones, in order. */
  readonly statuses: readonly number[];
  readonly text: string;
  /** Whether the other side ended the connection. */
  readonly closed: boolean;
};

/**
 * Sends bytes (one character a byte) over a connection of their own and waits until `answers` have come or the other side closed. Then sends
 * `probe`, if any, and waits for one more. Gives up after `withinMs`: then `closed` is false and an answer is missing.
 */
export function sendRaw(port: number, bytes: string, answers: number, probe = '', withinMs = 10_000): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let text = '';
    let awaited = answers;
    let toSend = probe;
    const statuses = () => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1])).filter((status) => status >= 200);
    const settle = (closed: boolean) => {
      clearTimeout(limit);
      socket.destroy();
      resolve({ statuses: statuses(), text, closed });
    };
    const limit = setTimeout(() => settle(false), withinMs);
    const look = () => {
      if (statuses().length < awaited) return;
      // An answer that says so is followed by the end.
      if (/\r\nconnection: close\r\n/i.test(text)) return;
      if (toSend === '') return settle(false);
      awaited += 1;
      socket.write(Buffer.from(toSend, 'latin1'));
      toSend = '';
    };
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      look();
    });
    socket.on('end', () => settle(true));
    socket.on('close', () => settle(true));
    socket.on('error', () => settle(true));
    socket.write(Buffer.from(bytes, 'latin1'));
    look();
  });
}
