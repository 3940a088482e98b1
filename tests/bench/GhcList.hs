{-# LANGUAGE BangPatterns #-}
-- SPDX-FileCopyrightText: 2026 The stm authors
-- SPDX-License-Identifier: MIT

-- Sorted linked lists: one of them, or one in each bucket of a hash table.
module GhcList (listWorkloads) where

import Control.Concurrent.STM
import Control.Monad
import Data.Array (Array, elems, listArray)
import Data.Array.Base (unsafeAt)
import Data.Bits
import Data.Word

import GhcCommon
import GhcSet

data Node = Nil | Node !Int !(TVar Node)

-- The first node whose key is not less, and the link to it.
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

-- The number of keys in a list, if they ascend and belong there.
walk :: (Int -> Bool) -> TVar Node -> IO (Maybe Int)
walk belongs = go 0 0
  where
    go :: Int -> Int -> TVar Node -> IO (Maybe Int)
    go !count !before link = do
      node <- readTVarIO link
      case node of
        Nil -> return (Just count)
        Node key next
          | key > before && belongs key -> go (count + 1) key next
          | otherwise -> return Nothing

hashOf :: Int -> Int
hashOf key = fromIntegral ((fromIntegral key * 0x9E3779B97F4A7C15 :: Word64) `shiftR` 40)

newLists :: Int -> IO Set
newLists buckets = do
  links <- replicateM buckets (newTVarIO Nil)
  let heads = listArray (0, buckets - 1) links :: Array Int (TVar Node)
      bucketOf key = hashOf key .&. (buckets - 1)
      headOf key = unsafeAt heads (bucketOf key)
      count = do
        let walkAt bucket = walk ((== bucket) . bucketOf)
        counts <- zipWithM walkAt [0 ..] (elems heads)
        return (fmap sum (sequence counts))
  return
    Set
      { setHas = \key -> contains (headOf key) key
      , setAdd = \key -> insert (headOf key) key
      , setTakeOut = \key -> remove (headOf key) key
      , setCount = count
      }
{-# INLINE newLists #-}

listWorkloads :: [Workload]
listWorkloads = [setOf "list" 512 (newLists 1), setOf "hash" 8192 (newLists 1024)]
