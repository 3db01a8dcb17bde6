import type { FiredAlert } from './rule.ts';

/** Sends an alert to its receiver's webhook: three tries, then `onLost`. The address may hold a token and is never told to anyone. */
export async function sendAlert(template: string, alert: FiredAlert, onLost: (why: string) => void): Promise<void> {
  const url = template.replaceAll('{receiver}', encodeURIComponent(alert.receiver));
  for (let attempt = 1; ; attempt += 1) {
    const failed = await post(url, alert);
    if (failed === null) return;
    if (attempt === 3) return onLost(failed);
    await new Promise((resolve) => setTimeout(resolve, attempt * 250).unref());
  }
}

async function post(url: string, alert: FiredAlert): Promise<string | null> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(alert),
      signal: AbortSignal.timeout(2000),
    });
    await answer.body?.cancel();
    return answer.ok ? null : `status ${answer.status}`;
  } catch (error) {
    return error instanceof Error ? error.name : 'unknown';
  }
}
