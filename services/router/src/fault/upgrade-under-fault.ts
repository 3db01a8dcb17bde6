import type { Duplex } from 'node:stream';
import { delayOf } from './fault-draw.ts';
import type { MetFault } from './fault-switch.ts';
import { held, released } from './held.ts';
import { statusOf } from './send-under-fault.ts';

/**
 * Makes a fault felt by a request to change the protocol. Says `goes on` when it goes on, else what came of it: the status that it was
 * answered with, or that its connection was ended. What only spoils answers is not felt here.
 */
export async function upgradeUnderFault({ fault, n, changed }: MetFault, socket: Duplex): Promise<'goes on' | 'ended' | number> {
  // A client that leaves while it is held.
  socket.on('error', () => socket.destroy());
  switch (fault.mode) {
    case 'abort':
    case 'answer': {
      const status = statusOf(fault);
      socket.end(`HTTP/1.1 ${status} Fault\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return status;
    }
    case 'hang':
      await released(changed);
      socket.destroy();
      return 'ended';
    case 'reset':
    case 'refuse':
      socket.destroy();
      return 'ended';
    case 'delay':
      await held(delayOf(fault, n), changed);
      return socket.destroyed ? 'ended' : 'goes on';
    case 'slow':
    case 'truncate':
    case 'garble':
    case 'headers':
    case 'repeat':
    case 'wrong-name':
    case 'expired':
      return 'goes on';
  }
}
