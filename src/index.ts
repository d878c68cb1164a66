export { StoreError, type StoreErrorCode } from './errors.ts'
export type { UnitView } from './knowledge/document.ts'
export { createKnowledgeUnit, parseKnowledgeUnit } from './knowledge/knowledge-unit.ts'
export type {
  Flag,
  FlagInput,
  FlagReason,
  KnowledgeUnit,
  KnowledgeUnitInput,
  NewKnowledgeUnit,
  Tier,
} from './knowledge/records.ts'
export { parseLegacyTtl, parseTtl, type Ttl } from './knowledge/ttl.ts'
export type { ConnectionReport, Durability } from './offload/connection-options.ts'
export type { RankingFigures } from './ranking/ranking-figures.ts'
export type { SqliteStoreOptions } from './sqlite/options.ts'
export { SqliteStore, type SqliteStoreFigures } from './sqlite/store.ts'
export type {
  Accounts,
  Activity,
  Administration,
  ApiKey,
  BrowseCount,
  BrowseFilters,
  BrowseOptions,
  BrowseOrder,
  BrowsePage,
  Browsing,
  Curation,
  DailyCount,
  Decision,
  DecisionInput,
  DecisionOutcome,
  EditOptions,
  HistoryEntry,
  Insights,
  KnowledgeStats,
  KnowledgeUnits,
  ListOptions,
  NewApiKey,
  NewLoginCode,
  NotableUnit,
  PageOptions,
  QueryOptions,
  Readiness,
  ReviewDecision,
  ReviewItem,
  ReviewItemInput,
  ReviewQueuePage,
  ReviewStats,
  ReviewStatus,
  Reviews,
  Role,
  Sessions,
  SessionUser,
  Statistics,
  Store,
  TextMethod,
  Texts,
  UnitEdit,
  UnitStatus,
  User,
} from './store.ts'
export type { HistogramFigures } from './threads/histogram.ts'
export type { LaneFigures } from './threads/lane-figures.ts'
export type { Log } from './threads/log.ts'
