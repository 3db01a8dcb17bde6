import { randomUUID } from 'node:crypto';
import type { Payment, PaymentBook } from '../service/payment-book.ts';

/** A payment book without a database, for tests of everything that is not the database. */
export function memoryBook(): PaymentBook {
  const entries: (Payment & { readonly account: string })[] = [];
  const of = (account: string) => entries.filter((entry) => entry.account === account);
  return {
    async pay(account, { amount, currency, to }) {
      const payment = { id: randomUUID(), amount, currency, to, at: new Date().toISOString() };
      entries.unshift({ ...payment, account });
      return payment;
    },
    account: async (account) => ({
      account,
      balance: -of(account).reduce((sum, { amount }) => sum + amount, 0),
      payments: of(account).length,
    }),
    recent: async (account, limit) => of(account).slice(0, limit),
    close: async () => undefined,
  };
}
