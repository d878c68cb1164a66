/** Whether a unit's document is JSON. One that is not must not make another program's write fail. */
export const isReadable = (unit: string) => `json_valid(${unit}.data)`

/** A unit's confidence, by its document; where that has none, cq's default. */
export const confidence = (unit: string) =>
  `coalesce(json_extract(${unit}.data, '$.evidence.confidence'), 0.5)`
