{-# OPTIONS_GHC -fno-omit-yields #-}
-- SPDX-FileCopyrightText: 2026 The stm authors
-- SPDX-License-Identifier: MIT

-- A red-black tree with links to the parents, step by step the one of tree.c;
-- and what would rather be written in Haskell, a tree that is replaced as a
-- whole, in one variable.
--
-- A transaction that meets the red-black tree halfway between two states of it
-- may go round in circles, and is only found out when its thread yields; so the
-- compiler must let it yield in such a loop.
module GhcTree (treeWorkloads) where

import Control.Concurrent.STM
import Control.Monad
import qualified Data.IntMap.Strict as IntMap

import GhcCommon
import GhcSet

data Color = Black | Red deriving (Eq)

data Node
  = Nil
  | Node
      { nodeKey :: !Int
      , nodeLeft :: !(TVar Node)
      , nodeRight :: !(TVar Node)
      , nodeParent :: !(TVar Node)
      , nodeColor :: !(TVar Color)
      }

data Side = OnLeft | OnRight

other :: Side -> Side
other OnLeft = OnRight
other OnRight = OnLeft

childOf :: Side -> Node -> TVar Node
childOf OnLeft = nodeLeft
childOf OnRight = nodeRight

-- On which side of a node a key that is not its own belongs.
sideOf :: Int -> Node -> Side
sideOf key node = if key > nodeKey node then OnRight else OnLeft

-- Keys are unique.
same :: Node -> Node -> Bool
same Nil Nil = True
same Node {nodeKey = one} Node {nodeKey = two} = one == two
same _ _ = False

-- On which side of its parent a node is, given what is on the left.
sideIn :: Node -> Node -> Side
sideIn left node = if same left node then OnLeft else OnRight

colorOf :: Node -> STM Color
colorOf Nil = return Black
colorOf node = readTVar (nodeColor node)

paint :: Node -> Color -> STM ()
paint node = writeTVar (nodeColor node)

setParent :: Node -> Node -> STM ()
setParent Nil _ = return ()
setParent node parent = writeTVar (nodeParent node) parent

-- Puts a node, or Nil, where another one is below parent (Nil: the root).
replace :: TVar Node -> Node -> Node -> Node -> STM ()
replace root parent old node = do
  setParent node parent
  case parent of
    Nil -> writeTVar root node
    _ -> do
      left <- readTVar (nodeLeft parent)
      writeTVar (childOf (sideIn left old) parent) node

-- Turns the tree at top, which goes down on that side.
rotate :: TVar Node -> Node -> Side -> STM ()
rotate root top side = do
  up <- readTVar (childOf (other side) top)
  inner <- readTVar (childOf side up)
  parent <- readTVar (nodeParent top)
  replace root parent top up
  writeTVar (childOf (other side) top) inner
  setParent inner top
  writeTVar (childOf side up) top
  writeTVar (nodeParent top) up

-- The node of the key, or Nil, and the last one before it.
findNode :: TVar Node -> Int -> STM (Node, Node)
findNode root key = go Nil root
  where
    go before link = do
      node <- readTVar link
      case node of
        Node {nodeKey = there}
          | there /= key -> go node (childOf (sideOf key node) node)
        _ -> return (node, before)

contains :: TVar Node -> Int -> STM Bool
contains root key = do
  (node, _) <- findNode root key
  return $! case node of
    Nil -> False
    _ -> True

-- ---- adding ----

insert :: TVar Node -> Int -> STM Bool
insert root key = do
  (there, before) <- findNode root key
  case there of
    Node {} -> return False
    Nil -> do
      node <- Node key <$> newTVar Nil <*> newTVar Nil <*> newTVar before <*> newTVar Red
      case before of
        Nil -> writeTVar root node
        _ -> writeTVar (childOf (sideOf key before) before) node
      balanceAdded root node
      return True

balanceAdded :: TVar Node -> Node -> STM ()
balanceAdded root node = do
  parent <- readTVar (nodeParent node)
  case parent of
    Nil -> paint node Black
    _ -> do
      color <- readTVar (nodeColor parent)
      when (color == Red) $ do
        grand <- readTVar (nodeParent parent)
        left <- readTVar (nodeLeft grand)
        let side = sideIn left parent
        uncle <- readTVar (childOf (other side) grand)
        uncleColor <- colorOf uncle
        if uncleColor == Black
          then turnRedPair root node parent grand side
          else do
            paint parent Black
            paint uncle Black
            paint grand Red
            balanceAdded root grand

-- The parent, on that side, of a red node is red as well, and its uncle is
-- black.
turnRedPair :: TVar Node -> Node -> Node -> Node -> Side -> STM ()
turnRedPair root node parent grand side = do
  inner <- readTVar (childOf (other side) parent)
  top <-
    if same inner node
      then rotate root parent side >> return node
      else return parent
  paint top Black
  paint grand Red
  rotate root grand (other side)

-- ---- taking out ----

remove :: TVar Node -> Int -> STM Bool
remove root key = do
  (node, _) <- findNode root key
  case node of
    Nil -> return False
    _ -> do
      left <- readTVar (nodeLeft node)
      right <- readTVar (nodeRight node)
      parent <- readTVar (nodeParent node)
      case (left, right) of
        (Node {}, Node {}) -> takeInner root node parent left right
        (Nil, _) -> takeOuter root node parent right
        _ -> takeOuter root node parent left
      return True

-- Takes out a node with one child at most.
takeOuter :: TVar Node -> Node -> Node -> Node -> STM ()
takeOuter root node parent below = do
  color <- readTVar (nodeColor node)
  replace root parent node below
  when (color == Black) (balanceTaken root below parent)

-- Takes out a node with two children: the next greater one takes its place.
takeInner :: TVar Node -> Node -> Node -> Node -> Node -> STM ()
takeInner root node parent left right = do
  next <- leftmost right
  below <- readTVar (nodeRight next)
  before <- readTVar (nodeParent next)
  lost <- readTVar (nodeColor next)
  above <-
    if same next right
      then return next
      else do
        replace root before next below
        writeTVar (nodeRight next) right
        setParent right next
        return before
  replace root parent node next
  writeTVar (nodeLeft next) left
  setParent left next
  readTVar (nodeColor node) >>= paint next
  when (lost == Black) (balanceTaken root below above)
  where
    leftmost top = do
      less <- readTVar (nodeLeft top)
      case less of
        Nil -> return top
        _ -> leftmost less

-- Paths through a node, which may be Nil, miss a black node.
balanceTaken :: TVar Node -> Node -> Node -> STM ()
balanceTaken root node parent = do
  color <- colorOf node
  case parent of
    Node {} | color == Black -> do
      left <- readTVar (nodeLeft parent)
      let side = sideIn left node
      sibling <- blackSibling root parent side
      red <- hasRedChild sibling
      if red
        then lendBlack root parent sibling side
        else do
          paint sibling Red
          above <- readTVar (nodeParent parent)
          balanceTaken root parent above
    _ -> case node of
      Nil -> return ()
      _ -> paint node Black

-- Gives the node on that side a black sibling.
blackSibling :: TVar Node -> Node -> Side -> STM Node
blackSibling root parent side = do
  sibling <- readTVar (childOf (other side) parent)
  color <- readTVar (nodeColor sibling)
  if color == Black
    then return sibling
    else do
      paint sibling Black
      paint parent Red
      rotate root parent side
      readTVar (childOf (other side) parent)

hasRedChild :: Node -> STM Bool
hasRedChild node = do
  left <- readTVar (nodeLeft node) >>= colorOf
  right <- readTVar (nodeRight node) >>= colorOf
  return (left == Red || right == Red)

-- A node's sibling is black and not both of its children are: turns the tree so
-- that the node's side has one black node more.
lendBlack :: TVar Node -> Node -> Node -> Side -> STM ()
lendBlack root parent sibling side = do
  outer <- readTVar (childOf (other side) sibling)
  outerColor <- colorOf outer
  (top, end) <-
    if outerColor == Red
      then return (sibling, outer)
      else do
        inner <- readTVar (childOf side sibling)
        paint inner Black
        paint sibling Red
        rotate root sibling (other side)
        return (inner, sibling)
  readTVar (nodeColor parent) >>= paint top
  paint parent Black
  paint end Black
  rotate root parent side

-- ---- the set ----

-- The number of black nodes on each path down from a node, and that of all
-- nodes, if everything is right below it.
measure :: Node -> Node -> Int -> Int -> IO (Maybe (Int, Int))
measure Nil _ _ _ = return (Just (0, 0))
measure node parent least most = do
  above <- readTVarIO (nodeParent node)
  color <- readTVarIO (nodeColor node)
  left <- readTVarIO (nodeLeft node)
  right <- readTVarIO (nodeRight node)
  reds <- mapM (fmap (== Red) . atomically . colorOf) [left, right]
  below <- measure left node least (key - 1)
  beside <- measure right node (key + 1) most
  return $ do
    guard (key >= least && key <= most && same above parent)
    guard (color == Black || not (or reds))
    (leftHeight, leftCount) <- below
    (rightHeight, rightCount) <- beside
    guard (leftHeight == rightHeight)
    return (if color == Black then leftHeight + 1 else leftHeight, leftCount + rightCount + 1)
  where
    key = nodeKey node

newTree :: IO Set
newTree = do
  root <- newTVarIO Nil
  let count = do
        top <- readTVarIO root
        fmap snd <$> measure top Nil 1 maxBound
  return
    Set
      { setHas = contains root
      , setAdd = insert root
      , setTakeOut = remove root
      , setCount = count
      }
{-# INLINE newTree #-}

newMap :: IO Set
newMap = do
  var <- newTVarIO IntMap.empty
  let member key = IntMap.member key <$> readTVar var
      change there act key = do
        entries <- readTVar var
        if IntMap.member key entries == there
          then True <$ (writeTVar var $! act key entries)
          else return False
  return
    Set
      { setHas = \key -> member key >>= \there -> return $! there
      , setAdd = change False (\key -> IntMap.insert key ())
      , setTakeOut = change True IntMap.delete
      , setCount = Just . IntMap.size <$> readTVarIO var
      }
{-# INLINE newMap #-}

treeWorkloads :: [Workload]
treeWorkloads = [setOf "tree" 8192 newTree, setOf "treemap" 8192 newMap]
