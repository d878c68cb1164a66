import { storeOperations } from '../src/sqlite/store-operations.ts'

export default storeOperations()
