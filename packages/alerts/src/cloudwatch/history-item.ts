/** An entry of an alarm's history as DescribeAlarmHistory gives it; AWS promises none of its fields. */
export type HistoryItem = {
  readonly AlarmName?: string | undefined;
  /** Which of an alarm's several series it is about, and by which attributes that is known. */
  readonly AlarmContributorId?: string | undefined;
  readonly AlarmContributorAttributes?: Readonly<Record<string, string>> | undefined;
  readonly Timestamp?: Date | undefined;
  readonly HistoryItemType?: string | undefined;
  readonly HistorySummary?: string | undefined;
  /** JSON, cut off at 4095 characters. */
  readonly HistoryData?: string | undefined;
};

/** A page as DescribeAlarmHistory answers it. */
export type HistoryPage = {
  readonly AlarmHistoryItems?: readonly HistoryItem[] | undefined;
  readonly NextToken?: string | undefined;
};

/** What a page is asked for with. Epoch ms. */
export type HistoryAsked = { readonly alarm: string; readonly from: number; readonly to: number; readonly token: string | undefined };
export type ReadHistory = (asked: HistoryAsked, signal: AbortSignal) => Promise<HistoryPage>;
