{-# LANGUAGE BangPatterns #-}
-- SPDX-FileCopyrightText: 2026 The stm authors
-- SPDX-License-Identifier: MIT

-- What the workloads in Haskell share.  They are those of the C programs; where
-- something could be written in two ways, it is the one that GHC likes.
module GhcCommon
  ( Workload (..)
  , Outcome (..)
  , Vars
  , draw
  , seedOf
  , newVars
  , increment
  , runFor
  , together
  , ratesOf
  ) where

import Control.Concurrent
import Control.Concurrent.STM
import Control.Monad
import Data.Array (Array, listArray)
import Data.Bits
import Data.Word
import GHC.Clock (getMonotonicTimeNSec)
import System.Mem (performMajorGC)

data Workload = Workload
  { workloadName :: String
  , workloadThreads :: Int -- the only number of threads it runs on; 0: any
  , workloadRun :: Int -> Word64 -> IO (Double, Bool)
    -- With so many threads, for so many nanoseconds: the operations a second,
    -- and whether it left behind what it should have.
  }

-- What one thread did.
data Outcome = Outcome
  { outcomeOperations :: !Int
  , outcomeRate :: !Double -- operations a second
  , outcomeTally :: !Int -- the workload's
  , outcomeRight :: !Bool
  }

type Vars = Array Int (TVar Int)

newVars :: Int -> (Int -> Int) -> IO Vars
newVars count initial =
  fmap (listArray (0, count - 1)) (mapM (newTVarIO . initial) [0 .. count - 1])

increment :: TVar Int -> STM ()
increment var = readTVar var >>= \value -> writeTVar var $! value + 1
{-# INLINE increment #-}

-- The next state of the xorshift* sequence, and its number of 48 bits.
draw :: Word64 -> (Word64, Int)
draw state0 = (state3, fromIntegral ((state3 * 0x2545F4914F6CDD1D) `shiftR` 16))
  where
    state1 = state0 `xor` (state0 `shiftL` 13)
    state2 = state1 `xor` (state1 `shiftR` 7)
    state3 = state2 `xor` (state2 `shiftL` 17)
{-# INLINE draw #-}

seedOf :: Int -> Word64
seedOf index = 0x9E3779B97F4A7C15 * fromIntegral (index + 1)

-- Repeats a step, which takes a state to the next, for so many nanoseconds.
-- The clock is looked at before each operation whose number has no bit of mask.
-- A flag set by another thread would never be seen: these loops may allocate
-- nothing, and then GHC does not preempt them.
runFor :: Int -> Word64 -> Word64 -> (Word64 -> IO Word64) -> IO Outcome
runFor mask nanoseconds seed step = do
  begun <- getMonotonicTimeNSec
  let end = begun + nanoseconds
      go :: Word64 -> Int -> IO Outcome
      go !state !count
        | count .&. mask == 0 = do
            now <- getMonotonicTimeNSec
            if now >= end
              then return (outcome count (now - begun))
              else advance state count
        | otherwise = advance state count
      advance !state !count = do
        state' <- step state
        go state' (count + 1)
  go seed 0
  where
    outcome :: Int -> Word64 -> Outcome
    outcome count time =
      Outcome
        { outcomeOperations = count
        , outcomeRate = fromIntegral count * 1e9 / fromIntegral time
        , outcomeTally = 0
        , outcomeRight = True
        }
{-# INLINE runFor #-}

-- Runs each on a thread of its own, the first ones on processors of their own,
-- from the same moment on, when what was made before is no longer new to the
-- collector of garbage.
together :: [IO a] -> IO [a]
together works = do
  start <- newEmptyMVar
  threads <- forM (zip [0 ..] works) $ \(index, work) -> do
    ready <- newEmptyMVar
    done <- newEmptyMVar
    _ <- forkOn index $ do
      putMVar ready ()
      readMVar start
      work >>= putMVar done
    return (ready, done)
  mapM_ (takeMVar . fst) threads
  performMajorGC
  putMVar start ()
  mapM (takeMVar . snd) threads

ratesOf :: [Outcome] -> Double
ratesOf = sum . map outcomeRate
