import { type DerivedTable, fill } from './derived-table.ts'
import type { Migration } from './migration.ts'

/** The bucket of a confidence, 1024 from 0 to 1: doubles times a power of two are exact. */
const bucketOf = (confidence: string) => `cast(min(max(${confidence}, 0.0), 1.0) * 1024 AS INTEGER)`

/** How many approved units there are in each bucket of confidence. */
export const bucketCounts: DerivedTable = {
  name: 'cq_store_confidence_buckets',
  columns: ['bucket', 'count'],
  definition: `SELECT ${bucketOf('confidence')} AS bucket, sum(count) AS count
    FROM cq_store_confidence_counts WHERE count <> 0 GROUP BY 1`,
}

/**
 * Sums of the counters of confidences, of which there may be as many as units. Triggers on those
 * counters keep them, so that no write reads a document once more for it.
 */
export const confidenceBuckets: Migration = {
  name: '2026-11-22 confidence buckets',
  up(database) {
    database.run(`CREATE TABLE cq_store_confidence_buckets (
      bucket INTEGER PRIMARY KEY NOT NULL,
      count INTEGER NOT NULL
    )`)
    database.run(fill(bucketCounts))
    const trigger = (event: string, body: string) =>
      database.run(`CREATE TRIGGER cq_store_sum_${event} ON cq_store_confidence_counts
        BEGIN ${body} END`)
    trigger(
      'added_confidence AFTER INSERT',
      `INSERT INTO cq_store_confidence_buckets (bucket, count)
       VALUES (${bucketOf('new.confidence')}, new.count)
       ON CONFLICT (bucket) DO UPDATE SET count = count + excluded.count;`,
    )
    trigger(
      'changed_confidence AFTER UPDATE',
      `UPDATE cq_store_confidence_buckets SET count = count + new.count - old.count
       WHERE bucket = ${bucketOf('new.confidence')};`,
    )
    trigger(
      'removed_confidence AFTER DELETE',
      `UPDATE cq_store_confidence_buckets SET count = count - old.count
       WHERE bucket = ${bucketOf('old.confidence')};`,
    )
  },
}
