import { request } from 'node:http';

/** Whether the service answers its health path with 2xx or 3xx within `timeoutMs`. A connection of its own each time. */
export function checkHealth(port: number, path: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(
      { host: '127.0.0.1', port, path, agent: false, timeout: timeoutMs, headers: { connection: 'close' } },
      (answer) => {
        answer.resume();
        answer.on('error', () => resolve(false));
        resolve(answer.statusCode !== undefined && answer.statusCode >= 200 && answer.statusCode < 400);
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('timeout')));
    asked.on('error', () => resolve(false));
    asked.end();
  });
}
