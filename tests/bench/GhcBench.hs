{-# LANGUAGE BangPatterns #-}
-- SPDX-FileCopyrightText: 2026 The stm authors
-- SPDX-License-Identifier: MIT

-- The system "ghc": the workloads over GHC's own transactional memory.  bench.h
-- says how this program is called.  A tree of TVars is left out: in Haskell one
-- would not write it.
module Main (main) where

import Control.Concurrent (setNumCapabilities)
import Control.Concurrent.STM
import Control.Monad
import Data.Array (Array, elems, listArray)
import Data.Array.Base (unsafeAt)
import Data.Bits
import Data.IORef
import qualified Data.IntMap.Strict as IntMap
import Data.List (find)
import qualified Data.Sequence as Seq
import Data.Word
import System.Environment
import System.Exit
import System.IO
import Text.Printf
import Text.Read (readMaybe)

import GhcBlock (blockWorkloads)
import GhcCommon

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

-- ---- sets ----

data Node = Nil | Node !Int !(TVar Node)

findNode :: TVar Node -> Int -> STM (TVar Node, Node)
findNode link key = do
  node <- readTVar link
  case node of
    Node there next | there < key -> findNode next key
    _ -> return (link, node)

contains, insert, remove :: TVar Node -> Int -> STM Bool
contains start key = do
  (_, node) <- findNode start key
  return $! case node of
    Node there _ -> there == key
    Nil -> False
insert start key = do
  (link, node) <- findNode start key
  case node of
    Node there _ | there == key -> return False
    _ -> do
      next <- newTVar node
      writeTVar link (Node key next)
      return True
remove start key = do
  (link, node) <- findNode start key
  case node of
    Node there next | there == key -> do
      rest <- readTVar next
      writeTVar link rest
      return True
    _ -> return False

-- The keys from a node on, and whether they ascend.
walk :: TVar Node -> IO (Int, Bool)
walk = go 0 0 True
  where
    go :: Int -> Int -> Bool -> TVar Node -> IO (Int, Bool)
    go !count !before !right link = do
      node <- readTVarIO link
      case node of
        Nil -> return (count, right)
        Node key next -> go (count + 1) key (right && key > before) next

setOf :: String -> Int -> Int -> Workload
setOf name buckets range = Workload name 0 $ \threads nanoseconds -> do
  heads <- fmap (listArray (0, buckets - 1)) (replicateM buckets (newTVarIO Nil)) :: IO (Array Int (TVar Node))
  let headOf key = unsafeAt heads (hashOf key .&. (buckets - 1))
      fill :: Int -> Word64 -> IO ()
      fill 0 _ = return ()
      fill missing state0 = do
        let (state1, choice) = draw state0
            key = 1 + choice `mod` range
        new <- atomically (insert (headOf key) key)
        fill (if new then missing - 1 else missing) state1
  fill (range `div` 2) 88172645463325252
  outcomes <- together [worker headOf index nanoseconds | index <- [0 .. threads - 1]]
  walks <- mapM walk (elems heads)
  let wanted = range `div` 2 + sum (map outcomeTally outcomes)
      right = sum (map fst walks) == wanted && all snd walks
  return (ratesOf outcomes, right && all outcomeRight outcomes)
  where
    hashOf :: Int -> Int
    hashOf key = fromIntegral ((fromIntegral key * 0x9E3779B97F4A7C15 :: Word64) `shiftR` 40)
    worker headOf index nanoseconds = do
      mine <- newIORef (0 :: Int)
      wrong <- newIORef False
      outcome <- runFor 15 nanoseconds (seedOf index) $ \state0 -> do
        let (state1, choice) = draw state0
            key = 1 + (choice `shiftR` 16) `mod` range
        if choice `mod` 100 >= 20
          then void (atomically (contains (headOf key) key))
          else do
            own <- readIORef mine
            if own == 0
              then do
                new <- atomically (insert (headOf key) key)
                when new (writeIORef mine key)
              else do
                there <- atomically (remove (headOf own) own)
                unless there (writeIORef wrong True)
                writeIORef mine 0
        return state1
      own <- readIORef mine
      bad <- readIORef wrong
      return outcome {outcomeTally = if own == 0 then 0 else 1, outcomeRight = not bad}

-- ---- transactions on variables of one's own ----

forEach :: Int -> (Int -> STM ()) -> STM ()
forEach count act = go 0
  where
    go !index
      | index == count = return ()
      | otherwise = act index >> go (index + 1)
{-# INLINE forEach #-}

-- What makes the operation for a thread's variables, and whether these are what
-- so many operations should have left.
private :: String -> Int -> Int -> (Vars -> IO (IO Bool)) -> (Int -> Vars -> IO Bool) -> Workload
private name mask count setUp isRight = Workload name 0 $ \threads nanoseconds -> do
  outcomes <- together [worker nanoseconds | _ <- [1 .. threads]]
  return (ratesOf outcomes, all outcomeRight outcomes)
  where
    worker nanoseconds = do
      vars <- newVars count id
      wrong <- newIORef False
      operation <- setUp vars
      outcome <- runFor mask nanoseconds 1 $ \state -> do
        right <- operation
        unless right (writeIORef wrong True)
        return state
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
  [ private ("read" ++ show size) mask 1000 (return . readAll size) (\_ vars -> hold vars id)
  , private ("write" ++ show size) mask 1000 (return . writeAll size) $ \operations vars ->
      hold vars (\index -> if index < size && operations > 0 then 7 else index)
  , private ("rw" ++ show size) mask 1000 (return . addAll size) $ \operations vars ->
      hold vars (\index -> if index < size then index + operations else index)
  ]
  where
    mask = maskFor size

readAll, writeAll, addAll :: Int -> Vars -> IO Bool
readAll size vars = do
  total <- atomically (sumOf vars size)
  return (total == size * (size - 1) `div` 2)
writeAll size vars = do
  atomically (forEach size (\index -> writeTVar (unsafeAt vars index) 7))
  return True
addAll size vars = do
  atomically (forEach size (increment . unsafeAt vars))
  return True

-- Each branch waits for its variable to be below 0, which it never is.
orElseOf :: Int -> Workload
orElseOf branches = private ("orelse" ++ show branches) (maskFor branches) (branches + 1) setUp $
  \operations vars -> hold vars (\index -> if index == branches then index + operations else index)
  where
    setUp vars = do
      let branch index rest = try (unsafeAt vars index) `orElse` rest
          alternatives = foldr branch (increment (unsafeAt vars branches)) [0 .. branches - 1]
      alternatives `seq` return (atomically alternatives >> return True)
    try var = readTVar var >>= \value -> if value < 0 then return () else retry

-- What GHC can nest are the branches of orElse.
nested10 :: Workload
nested10 = private "nested10" 63 levels setUp (\operations vars -> hold vars (+ operations))
  where
    levels = 10
    setUp vars = return (atomically (level vars 0) >> return True)
    level :: Vars -> Int -> STM ()
    level vars index
      | index == levels - 1 = increment (unsafeAt vars index)
      | otherwise = do
          increment (unsafeAt vars index)
          level vars (index + 1) `orElse` retry

-- ---- a queue and a dictionary behind one variable each ----

queueItems :: Int
queueItems = 64

tlistQueue :: Workload
tlistQueue = Workload "tlist-queue" 0 $ \threads nanoseconds -> do
  queue <- newTVarIO (Seq.fromList [1 .. queueItems])
  outcomes <- together [worker queue index nanoseconds | index <- [0 .. threads - 1]]
  left <- readTVarIO queue
  let items = map outcomeTally outcomes ++ foldr (:) [] left
      all' = queueItems + threads
      right = IntMap.keys (IntMap.fromList [(item, ()) | item <- items]) == [1 .. all']
  return (2 * ratesOf outcomes, right && length items == all')
  where
    worker queue index nanoseconds = do
      hand <- newIORef (queueItems + 1 + index)
      outcome <- runFor 63 nanoseconds 1 $ \state -> do
        item <- readIORef hand
        atomically (readTVar queue >>= \items -> writeTVar queue $! items Seq.|> item)
        taken <- atomically $ do
          items <- readTVar queue
          case Seq.viewl items of
            Seq.EmptyL -> return 0
            first Seq.:< rest -> writeTVar queue rest >> return first
        writeIORef hand $! taken
        return state
      item <- readIORef hand
      return outcome {outcomeTally = item}

dictKeys :: Int
dictKeys = 4096

tdict :: String -> (TVar (IntMap.IntMap Int) -> Int -> Int -> IO Bool) -> Workload
tdict name operation = Workload name 0 $ \threads nanoseconds -> do
  dict <- newTVarIO (IntMap.fromList [(key, key) | key <- [1 .. dictKeys]])
  outcomes <- together [worker dict index nanoseconds | index <- [0 .. threads - 1]]
  entries <- fmap IntMap.toList (readTVarIO dict)
  let right = length entries == dictKeys && all (uncurry belongs) entries
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

belongs :: Int -> Int -> Bool
belongs key value = value >= key && (value - key) `mod` dictKeys == 0

dictGet, dictSet :: TVar (IntMap.IntMap Int) -> Int -> Int -> IO Bool
dictGet dict key _ = do
  value <- atomically (fmap (IntMap.lookup key) (readTVar dict))
  return (maybe False (belongs key) value)
dictSet dict key times = do
  atomically (readTVar dict >>= \entries -> writeTVar dict $! IntMap.insert key (key + dictKeys * times) entries)
  return True

-- ---- the program ----

workloads :: [Workload]
workloads =
  [bank "bank" 0, bank "bank-sum20" 20, setOf "list" 1 512, setOf "hash" 1024 8192]
    ++ [workload | workload <- concatMap micro [1, 10, 100, 1000], workloadName workload /= "write1000"]
    ++ map orElseOf [1, 10, 100]
    ++ [nested10, tlistQueue, tdict "tdict-get" dictGet, tdict "tdict-set" dictSet]
    ++ blockWorkloads

run :: Workload -> Int -> Word64 -> IO ()
run workload threads milliseconds = do
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
          run workload threads milliseconds
    _ -> do
      hPutStrLn stderr "usage: bench-ghc --list|WORKLOAD THREADS MILLISECONDS"
      exitWith (ExitFailure 2)
