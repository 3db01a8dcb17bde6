export type MotoTopic = {
  /** The alert as the message; resolves when the subscriber was told. */
  publish(alert: Readonly<Record<string, string>>): Promise<void>;
  /** What AWS would serve at the address that a message names: moto signs with a key of its own and keeps its certificate under that path. */
  certificate(url: URL): Promise<string>;
};

/**
 * A topic of moto's SNS with one subscriber over HTTP. Moto signs what it delivers as AWS does (version 2), but asks for no confirmation: that is
 * tested on messages in the documented shape, in packages/alerts.
 */
export async function motoTopic(server: string, region: string, endpoint: string): Promise<MotoTopic> {
  const call = async (form: Readonly<Record<string, string>>, path = '/'): Promise<string> => {
    const authorization = `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/sns/aws4_request, SignedHeaders=host, Signature=0`;
    const isGet = path !== '/';
    const answer = await fetch(new URL(path, server), {
      method: isGet ? 'GET' : 'POST',
      headers: { authorization },
      ...(isGet ? {} : { body: new URLSearchParams({ Version: '2010-03-31', ...form }) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`moto ${form['Action'] ?? path}: ${answer.status} ${text}`);
    return text;
  };
  const TopicArn = /<TopicArn>([^<]+)</.exec(await call({ Action: 'CreateTopic', Name: 'alerts' }))?.[1] ?? '';
  await call({ Action: 'Subscribe', TopicArn, Protocol: 'http', Endpoint: endpoint });
  return {
    publish: async (alert) => void (await call({ Action: 'Publish', TopicArn, Message: JSON.stringify(alert) })),
    certificate: (url) => call({}, url.pathname),
  };
}
