import { runCell } from './cell.ts'
import type { Answer, Task } from './child.ts'
import { makeTemplate } from './template.ts'

/** What a process of the bench runs: it does the tasks that it is sent, one by one. */
process.on('message', (task: Task) => {
  perform(task).then(
    (result) => answer({ result }),
    (error: unknown) => answer({ error: error instanceof Error ? error.stack : String(error) }),
  )
})
// Whoever gave the tasks is gone, however it went.
process.on('disconnect', () => process.exit())

async function perform(task: Task): Promise<unknown> {
  return task.kind === 'cell' ? runCell(task.request) : makeTemplate(task.request)
}

function answer(message: Answer): void {
  process.send?.(message)
}
