import { cutTo, type Notice, type Remedy } from '@haldane/core';

/** What a press says, and how long a value may be. */
const actionId = 'haldane';
const mostOfValue = 2_000;

const words: Readonly<Record<Remedy['do'], { readonly label: string; readonly style?: 'danger' | 'primary'; readonly sure: string }>> = {
  abort: { label: 'Abort', style: 'danger', sure: 'Stop this run? Users leave first, then everything is put back.' },
  approve: { label: 'Approve', style: 'primary', sure: 'Let this experiment run on the service, in your name?' },
  'was-me': { label: 'Yes, that was me', sure: 'Say that you made this change? It then stays.' },
  'was-not-me': { label: 'No', style: 'danger', sure: 'Say that you did not make this change? It is taken back at once.' },
  resolve: { label: 'Resolve', sure: 'Say, for the owner and in your name, that this finding is dealt with? The gate then lets it pass.' },
};

/** A button for each thing that may be done; Slack asks whether it is meant, and Haldane whether whoever pressed may. */
export function buttonsOf({ remedies }: Pick<Notice, 'remedies'>) {
  return remedies
    .map((remedy, at) => ({ remedy, at, value: JSON.stringify(remedy) }))
    .filter(({ value }) => value.length <= mostOfValue)
    .slice(0, 5)
    .map(({ remedy, at, value }) => {
      const { label, style, sure } = words[remedy.do];
      const about = remedy.do === 'resolve' ? `${label} ${remedy.experiment}` : label;
      return {
        type: 'button',
        action_id: `${actionId}-${at}`,
        text: { type: 'plain_text', text: cutTo(about, 75), emoji: false },
        value,
        ...(style === undefined ? {} : { style }),
        confirm: {
          title: { type: 'plain_text', text: cutTo(label, 100) },
          text: { type: 'plain_text', text: sure },
          confirm: { type: 'plain_text', text: 'Yes' },
          deny: { type: 'plain_text', text: 'No' },
        },
      };
    });
}
