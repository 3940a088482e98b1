{-# LANGUAGE BangPatterns #-}
-- SPDX-FileCopyrightText: 2026 The stm authors
-- SPDX-License-Identifier: MIT

-- A queue, the one that comes with GHC's stm, and a dictionary, as one would make
-- it of a persistent map; container.h says what is done to them.
module GhcContainer (containerWorkloads) where

import Control.Concurrent.STM
import Control.Monad
import Data.Bits
import qualified Data.IntMap.Strict as IntMap
import Data.IORef
import Data.Maybe (fromMaybe)

import GhcCommon

-- ---- a queue ----

queueItems :: Int
queueItems = 64

tlistQueue :: Workload
tlistQueue = Workload "tlist-queue" 0 $ \threads nanoseconds -> do
  queue <- newTQueueIO
  mapM_ (atomically . writeTQueue queue) [1 .. queueItems]
  outcomes <- together [worker queue index nanoseconds | index <- [0 .. threads - 1]]
  left <- atomically (flushTQueue queue)
  let items = map outcomeTally outcomes ++ left
      all' = queueItems + threads
      right = IntMap.keys (IntMap.fromList [(item, ()) | item <- items]) == [1 .. all']
  return (2 * ratesOf outcomes, right && length items == all')
  where
    worker queue index nanoseconds = do
      hand <- newIORef (queueItems + 1 + index)
      outcome <- runFor 63 nanoseconds 1 $ \state -> do
        item <- readIORef hand
        atomically (writeTQueue queue item)
        taken <- atomically (fromMaybe 0 <$> tryReadTQueue queue)
        writeIORef hand $! taken
        return state
      item <- readIORef hand
      return outcome {outcomeTally = item}

-- ---- a dictionary ----

-- The variable of each key.
type Dict = TVar (IntMap.IntMap (TVar Int))

dictKeys :: Int
dictKeys = 4096

tdict :: String -> (Dict -> Int -> Int -> IO Bool) -> Workload
tdict name operation = Workload name 0 $ \threads nanoseconds -> do
  vars <- mapM newTVarIO [1 .. dictKeys]
  dict <- newTVarIO (IntMap.fromList (zip [1 .. dictKeys] vars))
  outcomes <- together [worker dict index nanoseconds | index <- [0 .. threads - 1]]
  entries <- fmap IntMap.toList (readTVarIO dict)
  values <- forM entries (\(key, var) -> fmap (belongs key) (readTVarIO var))
  let right = length entries == dictKeys && and values
  return (ratesOf outcomes, right && all outcomeRight outcomes)
  where
    worker dict index nanoseconds = do
      wrong <- newIORef False
      outcome <- runFor 63 nanoseconds (seedOf index) $ \state0 -> do
        let (state1, choice) = draw state0
        right <- operation dict (1 + choice `mod` dictKeys) (choice `shiftR` 40)
        unless right (writeIORef wrong True)
        return state1
      bad <- readIORef wrong
      return outcome {outcomeRight = not bad}
{-# INLINE tdict #-}

belongs :: Int -> Int -> Bool
belongs key value = value >= key && (value - key) `mod` dictKeys == 0

dictGet, dictSet :: Dict -> Int -> Int -> IO Bool
dictGet dict key _ = do
  value <- atomically (readTVar dict >>= mapM readTVar . IntMap.lookup key)
  return (maybe False (belongs key) value)
dictSet dict key times = do
  let !value = key + dictKeys * times
  atomically $ do
    entries <- readTVar dict
    case IntMap.lookup key entries of
      Just var -> writeTVar var value
      Nothing -> do
        var <- newTVar value
        writeTVar dict $! IntMap.insert key var entries
  return True

containerWorkloads :: [Workload]
containerWorkloads = [tlistQueue, tdict "tdict-get" dictGet, tdict "tdict-set" dictSet]
