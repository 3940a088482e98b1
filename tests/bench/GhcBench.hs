{-# LANGUAGE BangPatterns #-}
-- SPDX-FileCopyrightText: 2026 The stm authors
-- SPDX-License-Identifier: MIT

-- The system "ghc": the workloads over GHC's own transactional memory.  bench.h
-- says how this program is called.
module Main (main) where

import Control.Concurrent (setNumCapabilities)
import Control.Concurrent.STM
import Control.Monad
import Data.Array (elems)
import Data.Array.Base (unsafeAt)
import Data.Bits
import Data.IORef
import Data.List (find)
import Data.Word
import System.Environment
import System.Exit
import System.IO
import Text.Printf
import Text.Read (readMaybe)

import GhcBlock (blockWorkloads)
import GhcCommon
import GhcContainer (containerWorkloads)
import GhcList (listWorkloads)
import GhcTree (treeWorkloads)

-- How often to look at the clock, by the size of a transaction.
maskFor :: Int -> Int
maskFor size = if size > 10 then 0 else 63

-- ---- bank ----

accountCount :: Int
accountCount = 1024

transfer :: Vars -> Int -> Int -> STM ()
transfer accounts from to = do
  let a = unsafeAt accounts from
      b = unsafeAt accounts to
  x <- readTVar a
  writeTVar a $! x - 1
  y <- readTVar b
  writeTVar b $! y + 1

sumOf :: Vars -> Int -> STM Int
sumOf vars count = go 0 0
  where
    go :: Int -> Int -> STM Int
    go !index !total
      | index >= count = return total
      | otherwise = do
          !value <- readTVar (unsafeAt vars index)
          go (index + 1) (total + value)
{-# INLINE sumOf #-}

bank :: String -> Int -> Workload
bank name sums = Workload name 0 $ \threads nanoseconds -> do
  accounts <- newVars accountCount (const 0)
  outcomes <- together [worker accounts index nanoseconds | index <- [0 .. threads - 1]]
  total <- atomically (sumOf accounts accountCount)
  return (ratesOf outcomes, total == 0 && all outcomeRight outcomes)
  where
    worker accounts index nanoseconds = do
      wrong <- newIORef False
      outcome <- runFor (if sums > 0 then 3 else 63) nanoseconds (seedOf index) $ \state0 -> do
        let (state1, choice) = draw state0
        if choice `mod` 100 < sums
          then do
            total <- atomically (sumOf accounts accountCount)
            when (total /= 0) (writeIORef wrong True)
            return state1
          else do
            let (state2, pair) = draw state1
                from = (pair .&. 0xffffff) `mod` accountCount
                other = (pair `shiftR` 24) `mod` (accountCount - 1)
                to = if other >= from then other + 1 else other
            atomically (transfer accounts from to)
            return state2
      bad <- readIORef wrong
      return outcome {outcomeRight = not bad}

-- ---- transactions on variables of one's own ----

forEach :: Int -> (Int -> STM ()) -> STM ()
forEach count act = go 0
  where
    go !index
      | index == count = return ()
      | otherwise = act index >> go (index + 1)
{-# INLINE forEach #-}

-- What a thread makes of its variables, its operations on that, which are counted
-- from 1, and whether the variables are what so many of them should have left.
private :: String -> Int -> Int -> (Vars -> a) -> (a -> Int -> IO Bool) -> (Int -> Vars -> IO Bool) -> Workload
private name mask count prepare operate isRight = Workload name 0 $ \threads nanoseconds -> do
  outcomes <- together [worker nanoseconds | _ <- [1 .. threads]]
  return (ratesOf outcomes, all outcomeRight outcomes)
  where
    worker nanoseconds = do
      vars <- newVars count id
      wrong <- newIORef False
      let !prepared = prepare vars
      outcome <- runFor mask nanoseconds 1 $ \number -> do
        right <- operate prepared (fromIntegral number)
        unless right (writeIORef wrong True)
        return (number + 1)
      bad <- readIORef wrong
      right <- isRight (outcomeOperations outcome) vars
      return outcome {outcomeRight = right && not bad}
{-# INLINE private #-}

-- Does the variable of each index hold that value?
hold :: Vars -> (Int -> Int) -> IO Bool
hold vars wanted = do
  values <- mapM readTVarIO (elems vars)
  return (and (zipWith (==) values (map wanted [0 ..])))

micro :: Int -> [Workload]
micro size =
  [ private ("read" ++ show size) mask 1000 id (readAll size) (\_ vars -> hold vars id)
  , private ("write" ++ show size) mask 1000 id (writeAll size) $ \operations vars ->
      hold vars (\index -> if index < size && operations > 0 then operations else index)
  , private ("rw" ++ show size) mask 1000 id (addAll size) $ \operations vars ->
      hold vars (\index -> if index < size then index + operations else index)
  ]
  where
    mask = maskFor size

-- A variable that gets back the object it had counts as read only, so the values
-- that are written differ.
readAll, writeAll, addAll :: Int -> Vars -> Int -> IO Bool
{-# INLINE readAll #-}
{-# INLINE writeAll #-}
{-# INLINE addAll #-}
readAll size vars _ = do
  total <- atomically (sumOf vars size)
  return (total == size * (size - 1) `div` 2)
writeAll size vars !value = do
  atomically (forEach size (\index -> writeTVar (unsafeAt vars index) value))
  return True
addAll size vars _ = do
  atomically (forEach size (increment . unsafeAt vars))
  return True

-- Each branch waits for its variable to be below 0, which it never is.
orElseOf :: Int -> Workload
orElseOf branches = private ("orelse" ++ show branches) (maskFor branches) (branches + 1) alternatives run $
  \operations vars -> hold vars (\index -> if index == branches then index + operations else index)
  where
    alternatives :: Vars -> STM ()
    alternatives vars = foldr (branch vars) (increment (unsafeAt vars branches)) [0 .. branches - 1]
    branch :: Vars -> Int -> STM () -> STM ()
    branch vars index rest = try (unsafeAt vars index) `orElse` rest
    try var = readTVar var >>= \value -> if value < 0 then return () else retry
    run act _ = atomically act >> return True

-- What GHC can nest are the branches of orElse.
nested10 :: Workload
nested10 = private "nested10" 63 levels id run (\operations vars -> hold vars (+ operations))
  where
    levels = 10
    run vars _ = atomically (level vars 0) >> return True
    level :: Vars -> Int -> STM ()
    level vars index
      | index == levels - 1 = increment (unsafeAt vars index)
      | otherwise = do
          increment (unsafeAt vars index)
          level vars (index + 1) `orElse` retry

-- ---- the program ----

workloads :: [Workload]
workloads =
  [bank "bank" 0, bank "bank-sum20" 20]
    ++ listWorkloads
    ++ treeWorkloads
    ++ [workload | workload <- concatMap micro [1, 10, 100, 1000], workloadName workload /= "write1000"]
    ++ map orElseOf [1, 10, 100]
    ++ [nested10]
    ++ containerWorkloads
    ++ blockWorkloads

measure :: Workload -> Int -> Word64 -> IO ()
measure workload threads milliseconds = do
  setNumCapabilities threads
  (rate, right) <- workloadRun workload threads (milliseconds * 1000000)
  unless right $ do
    hPutStrLn stderr ("bench: " ++ workloadName workload ++ " left behind what cannot be")
    exitWith (ExitFailure 1)
  printf "%.1f\n" rate

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["--list"] -> forM_ workloads $ \workload ->
      printf "%s %d\n" (workloadName workload) (workloadThreads workload)
    [name, threadsText, timeText]
      | Just threads <- readMaybe threadsText
      , Just milliseconds <- readMaybe timeText
      , threads >= 1 && threads <= 64 && milliseconds >= 1
      , Just workload <- find ((== name) . workloadName) workloads
      , workloadThreads workload `elem` [0, threads] ->
          measure workload threads milliseconds
    _ -> do
      hPutStrLn stderr "usage: bench-ghc --list|WORKLOAD THREADS MILLISECONDS"
      exitWith (ExitFailure 2)
