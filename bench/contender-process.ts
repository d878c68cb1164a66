import { runCell } from './cell.ts'
import { measureInterference } from './interference.ts'
import { measureRanking } from './ranking.ts'
import { answerTasks } from './task-process.ts'
import { makeTemplate } from './template.ts'

/** What a process of the bench runs where calls are made to contenders themselves. */
const tasks = {
  beReady: (_: null) => null,
  runCell,
  makeTemplate,
  measureInterference,
  measureRanking,
}
export type ContenderTasks = typeof tasks

answerTasks(tasks)
