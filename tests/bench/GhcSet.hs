-- SPDX-FileCopyrightText: 2026 The stm authors
-- SPDX-License-Identifier: MIT

-- Sets of integers; set.h says what is done to them.
module GhcSet (Set (..), setOf) where

import Control.Concurrent.STM
import Control.Monad
import Data.Bits
import Data.IORef
import Data.Word

import GhcCommon

data Set = Set
  { setHas :: Int -> STM Bool -- is the key in the set?
  , setAdd :: Int -> STM Bool -- False if it was there
  , setTakeOut :: Int -> STM Bool -- False if it was not there
  , setCount :: IO (Maybe Int)
    -- The number of keys; Nothing if the structure is not what it should be.
  }

-- A set of keys from 1 to range, made empty.  Inlined, so that the compiler
-- sees which functions it calls.
setOf :: String -> Int -> IO Set -> Workload
setOf name range make = Workload name 0 $ \threads nanoseconds -> do
  set <- make
  fill set range
  outcomes <- together [work set range index nanoseconds | index <- [0 .. threads - 1]]
  count <- setCount set
  let wanted = range `div` 2 + sum (map outcomeTally outcomes)
  return (ratesOf outcomes, count == Just wanted && all outcomeRight outcomes)
{-# INLINE setOf #-}

-- Adds half of the range, always the same keys.
fill :: Set -> Int -> IO ()
fill set range = go (range `div` 2) 88172645463325252
  where
    go :: Int -> Word64 -> IO ()
    go 0 _ = return ()
    go missing state0 = do
      let (state1, choice) = draw state0
      new <- atomically (setAdd set (1 + choice `mod` range))
      go (if new then missing - 1 else missing) state1

work :: Set -> Int -> Int -> Word64 -> IO Outcome
work set range index nanoseconds = do
  mine <- newIORef (0 :: Int)
  wrong <- newIORef False
  outcome <- runFor 15 nanoseconds (seedOf index) $ \state0 -> do
    let (state1, choice) = draw state0
        key = 1 + (choice `shiftR` 16) `mod` range
    if choice `mod` 100 >= 20
      then void (atomically (setHas set key))
      else do
        own <- readIORef mine
        if own == 0
          then do
            new <- atomically (setAdd set key)
            when new (writeIORef mine key)
          else do
            there <- atomically (setTakeOut set own)
            unless there (writeIORef wrong True)
            writeIORef mine 0
    return state1
  own <- readIORef mine
  bad <- readIORef wrong
  return outcome {outcomeTally = if own == 0 then 0 else 1, outcomeRight = not bad}
{-# INLINE work #-}
