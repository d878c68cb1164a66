/** Whether agents may find a unit. */
export const isApproved = (unit: string) => `${unit}.status = 'approved'`

/** Whether the unit of a row of knowledge_unit_domains is approved. */
export const hasApproved = (row: string) =>
  `EXISTS (SELECT 1 FROM knowledge_units AS u WHERE u.id = ${row}.unit_id AND ${isApproved('u')})`

/** Whether a unit's document is JSON. One that is not must not make another program's write fail. */
export const isReadable = (unit: string) => `json_valid(${unit}.data)`

/**
 * A unit's confidence, by its document; where that has none, cq's default. Always a real, as the columns
 * make it that hold it, or one that a document has as text would be another one there than here.
 */
export const confidence = (unit: string) =>
  `cast(coalesce(json_extract(${unit}.data, '$.evidence.confidence'), 0.5) AS REAL)`
