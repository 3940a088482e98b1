-- SPDX-FileCopyrightText: 2026 The stm authors
-- SPDX-License-Identifier: MIT

-- The workloads that wait; block.h says what each does.
module GhcBlock (blockWorkloads) where

import Control.Concurrent.STM
import Control.Monad
import Data.Array (listArray)
import Data.Array.Base (unsafeAt)
import Data.IORef
import Data.Word

import GhcCommon

-- An item: there are no more.  A turn: it is nobody's.
end :: Int
end = -1

-- What a thread did that only takes part in another one's operations.
partner :: Int -> Bool -> Outcome
partner tally right =
  Outcome {outcomeOperations = 0, outcomeRate = 0, outcomeTally = tally, outcomeRight = right}

-- Repeats as long as it answers True, and counts.
countWhile :: IO Bool -> IO Int
countWhile act = go 0
  where
    go :: Int -> IO Int
    go count = count `seq` do
      more <- act
      if more then go (count + 1) else return count

-- ---- pingpong ----

-- False: there are no more turns.
pass :: TVar Int -> Int -> Int -> STM Bool
pass turn me next = do
  whose <- readTVar turn
  if whose == end
    then return False
    else if whose /= me
      then retry
      else do
        writeTVar turn next
        return True

pingpong :: Workload
pingpong = Workload "pingpong" 2 $ \_ nanoseconds -> do
  turn <- newTVarIO 0
  outcomes <- together [first turn nanoseconds, second turn]
  let tallies = map outcomeTally outcomes
  return (ratesOf outcomes, all (== head tallies) tallies)
  where
    first turn nanoseconds = do
      outcome <- runFor 0 nanoseconds 1 $ \state -> do
        _ <- atomically (pass turn 0 1)
        return state
      _ <- atomically (pass turn 0 end)
      return outcome {outcomeTally = outcomeOperations outcome}
    second turn = do
      passes <- countWhile (atomically (pass turn 1 0))
      return (partner passes True)

-- ---- queues ----

queueOf :: Int -> Workload
queueOf places = Workload ("queue" ++ show places) 2 $ \_ nanoseconds -> do
  queue <- newTBQueueIO (fromIntegral places)
  outcomes <- together [producer queue nanoseconds, consumer queue]
  let tallies = map outcomeTally outcomes
  return (ratesOf outcomes, all (== head tallies) tallies && all outcomeRight outcomes)
  where
    producer queue nanoseconds = do
      outcome <- runFor (if places > 16 then 15 else 0) nanoseconds 1 $ \item -> do
        atomically (writeTBQueue queue $! fromIntegral item)
        return $! item + 1
      atomically (writeTBQueue queue end)
      return outcome {outcomeTally = outcomeOperations outcome}
    consumer :: TBQueue Int -> IO Outcome
    consumer queue = do
      wrong <- newIORef False
      let go :: Int -> IO Int
          go expected = expected `seq` do
            item <- atomically (readTBQueue queue)
            if item == end
              then return (expected - 1)
              else do
                when (item /= expected) (writeIORef wrong True)
                go (expected + 1)
      count <- go 1
      bad <- readIORef wrong
      return (partner count (not bad))

-- ---- waking one of many ----

cellPut :: TVar Int -> Int -> STM ()
cellPut cell item = do
  there <- readTVar cell
  if there /= 0 then retry else writeTVar cell item

cellTake :: TVar Int -> STM Int
cellTake cell = do
  item <- readTVar cell
  if item == 0
    then retry
    else do
      when (item /= end) (writeTVar cell 0)
      return item

cellSettle :: TVar Int -> STM ()
cellSettle cell = do
  there <- readTVar cell
  when (there /= 0) retry

taker :: TVar Int -> IO Outcome
taker cell = do
  count <- countWhile (fmap (/= end) (atomically (cellTake cell)))
  return (partner count True)

-- The first is who put, with so many items in advance.
wakeIsRight :: Int -> [Outcome] -> Bool
wakeIsRight before outcomes =
  outcomeOperations (head outcomes) + before == sum (map outcomeTally (tail outcomes))

wakeOf :: Int -> Workload
wakeOf count = Workload ("wake1of" ++ show count) 2 $ \_ nanoseconds -> do
  cell <- newTVarIO 0
  outcomes <- together (putter cell nanoseconds : replicate count (taker cell))
  return (ratesOf outcomes, wakeIsRight warmUpItems outcomes)
  where
    warmUpItems = 8
    putter :: TVar Int -> Word64 -> IO Outcome
    putter cell nanoseconds = do
      replicateM_ warmUpItems (atomically (cellPut cell 1))
      outcome <- runFor 0 nanoseconds 1 $ \state -> do
        atomically (cellPut cell 1)
        return state
      atomically (cellSettle cell)
      atomically (cellPut cell end)
      return outcome

wakeOwnOf :: Int -> Workload
wakeOwnOf count = Workload ("wakeown1of" ++ show count) 2 $ \_ nanoseconds -> do
  cells <- replicateM count (newTVarIO 0)
  outcomes <- together (putter cells nanoseconds : map taker cells)
  return (ratesOf outcomes, wakeIsRight count outcomes)
  where
    hand cell = do
      atomically (cellPut cell 1)
      atomically (cellSettle cell)
    putter :: [TVar Int] -> Word64 -> IO Outcome
    putter cells nanoseconds = do
      let table = listArray (0, count - 1) cells :: Vars
      mapM_ hand cells
      outcome <- runFor 0 nanoseconds (seedOf 0) $ \state0 -> do
        let (state1, choice) = draw state0
        hand (unsafeAt table (choice `mod` count))
        return state1
      forM_ cells (\cell -> atomically (cellPut cell end))
      return outcome

blockWorkloads :: [Workload]
blockWorkloads =
  pingpong : map queueOf [1, 16, 1024] ++ map wakeOf [64, 1000] ++ map wakeOwnOf [64, 1000]
